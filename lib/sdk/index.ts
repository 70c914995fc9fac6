export type { LogLevel, Trace } from '../wire/messages.js';
export { NumericArray, type TypedArray } from '../wire/values.js';
export { type Context, context } from './context.js';
export { type Handler, handler } from './handlers.js';
export { type Log, log } from './log.js';
export { serve } from './serve.js';
