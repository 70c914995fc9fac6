export { type InstrumentOptions, type Instrumentation, instrument } from './instrument.js';
