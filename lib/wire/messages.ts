/* The messages of docs/protocol.md, which says what they mean. */

export interface Hello {
  readonly type: 'hello';
  readonly protocol: number;
  readonly sdk: string;
  readonly pid: number;
  readonly handlers: readonly string[];
  readonly stacks?: StackOffer;
}

/** How the worker is asked for the stacks of its threads: by a message, by a signal, or by either. */
export interface StackOffer {
  readonly message?: boolean;
  readonly signal?: number;
  readonly descriptor?: number;
}

export interface Pong {
  readonly type: 'pong';
  readonly seq: number;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface Log {
  readonly type: 'log';
  readonly level: LogLevel;
  readonly message: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

export interface Leaving {
  readonly type: 'leaving';
  readonly last: number;
}

/** A piece of an answer to `Stacks`. */
export interface StackText {
  readonly type: 'stacks';
  readonly id: number;
  readonly text: string;
  readonly more?: boolean;
}

export type ControlFromWorker = Hello | Pong | Log | Leaving | StackText;

export interface Welcome {
  readonly type: 'welcome';
  readonly protocol: number;
}

export interface Refused {
  readonly type: 'refused';
  readonly message: string;
}

export interface Ping {
  readonly type: 'ping';
  readonly seq: number;
}

export interface Cancel {
  readonly type: 'cancel';
  readonly id: number;
}

export interface Credit {
  readonly type: 'credit';
  readonly id: number;
  readonly items: number;
}

export interface Stacks {
  readonly type: 'stacks';
  readonly id: number;
}

export interface Drain {
  readonly type: 'drain';
}

export type ControlFromHost = Welcome | Refused | Ping | Cancel | Credit | Stacks | Drain;

/** The fields of a frame that carries values with markers. `parts` is written by `encodeFrame`. */
interface Carrier {
  readonly marked?: true;
  readonly parts?: readonly number[];
}

/** Where a request belongs in a distributed trace, as the headers of W3C Trace Context have it. */
export interface Trace {
  readonly traceparent: string;
  readonly tracestate?: string;
}

interface Asked extends Carrier {
  readonly id: number;
  readonly method: string;
  readonly args: readonly unknown[];
  readonly trace?: Trace;
}

export interface Call extends Asked {
  readonly type: 'call';
}

export interface Stream extends Asked {
  readonly type: 'stream';
  readonly credit: number;
}

export type Request = Call | Stream;

export interface Result extends Carrier {
  readonly type: 'result';
  readonly id: number;
  readonly value: unknown;
}

export interface Item extends Carrier {
  readonly type: 'item';
  readonly id: number;
  readonly value: unknown;
}

export interface End {
  readonly type: 'end';
  readonly id: number;
}

export type ErrorCode = 'handler_failed' | 'unknown_method' | 'cancelled' | 'unserializable' | 'too_large';

export interface ErrorBody {
  readonly code: ErrorCode;
  readonly type?: string;
  readonly message: string;
  readonly traceback?: string;
}

export interface Failure {
  readonly type: 'error';
  readonly id: number;
  readonly error: ErrorBody;
}

export type Answer = Result | Item | End | Failure;
