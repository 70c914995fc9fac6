/** The processes of one worker, by the name that their locks begin with. */
export const LAYERS = [
  { name: 'worker', title: 'workers' },
  { name: 'plain', title: 'plain grandchildren' },
  { name: 'setsid', title: 'grandchildren that called setsid' },
  { name: 'double', title: 'double-forked grandchildren' },
] as const;

/** Workers of each pool. */
export const WORKERS = 3;

/** Processes of each pool. */
export const PROCESSES = WORKERS * LAYERS.length;
