/* In seconds. Few, since each bucket is a line of every scrape for each pool. */

/** An idle worker answers within a millisecond; a ping is sent again within half a second. */
export const heartbeatBuckets = [0.001, 0.0025, 0.01, 0.05, 0.25, 1];
export const waitBuckets = [0.001, 0.01, 0.05, 0.25, 1, 5, 30];
/** From a call that does nothing to one that a stalled worker gets five minutes for. */
export const runBuckets = [0.001, 0.01, 0.05, 0.25, 1, 5, 30, 300];
/** From a bare interpreter to a large model. */
export const startBuckets = [0.1, 0.25, 0.5, 1, 2.5, 10, 60];
/** SIGKILL takes milliseconds, SIGTERM's grace 3 seconds, and the kernel as long as it likes. */
export const cleanupBuckets = [0.01, 0.05, 0.25, 1, 5, 30];
export const sweepBuckets = [0.01, 0.05, 0.25, 1, 5, 10];
/** From a supervisor that starts the next host at once to a machine that was off over night. */
export const hostDeathBuckets = [0.1, 0.5, 1, 5, 10, 30, 60, 300, 3600, 86400];
