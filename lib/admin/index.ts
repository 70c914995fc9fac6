export type { AdminOptions, MetricsSource } from './options.js';
export { type AdminServer, createAdminServer } from './server.js';
export type { WatchedPool } from './source.js';
