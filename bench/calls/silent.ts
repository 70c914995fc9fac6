/** The option `telemetry` of a pool that publishes nothing. */
export const SILENT = {
  worker: false,
  heartbeat: false,
  cleanup: false,
  request: false,
  keeper: false,
  alert: false,
};
