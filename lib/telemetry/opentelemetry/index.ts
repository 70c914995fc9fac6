export type { WatchedPool } from '../watched-pool.js';
export { type Instrumentation, type InstrumentOptions, instrument } from './instrument.js';
