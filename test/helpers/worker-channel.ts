import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { encodeFrame, type Frame, FrameReader } from '../../lib/wire/frames.js';
import { encodeLine, LineReader } from '../../lib/wire/lines.js';
import { decodeValue, encodeValue } from '../../lib/wire/values.js';
import { DEADLINE_MS, within } from './deadline.js';

type Message = Record<string, unknown>;

/** A worker, with a host that speaks the protocol and nothing more. Ends the worker when it is disposed of. */
export class WorkerChannel implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly control: Socket;
  readonly data: Socket;
  readonly exit: Promise<{ code: number | null; signal: string | null }>;
  stderr = '';
  readonly #messages = new Inbox();
  readonly #answers = new Inbox();

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe', 'overlapped', 'overlapped'],
      env: { ...process.env, PROCGUARD_PROTOCOL: '1', PROCGUARD_HOST_PID: String(process.pid), ...env },
    });
    this.control = this.child.stdio[3] as Socket;
    this.data = this.child.stdio[4] as Socket;
    // Not `exit`: what the worker has printed must have been read.
    this.exit = once(this.child, 'close').then(([code, signal]) => ({ code, signal }));
    this.child.stderr?.on('data', (text) => {
      this.stderr += text;
    });
    this.#read();
  }

  #read(): void {
    const lines = new LineReader();
    this.control.on('data', (chunk: Buffer) => {
      lines.push(chunk);
      for (let line = lines.next(); line !== undefined; line = lines.next()) this.#messages.put(line);
    });
    const frames = new FrameReader();
    this.data.on('data', (chunk: Buffer) => {
      frames.push(chunk);
      for (let frame = frames.next(); frame !== undefined; frame = frames.next()) {
        this.#answers.put(decoded(frame));
      }
    });
    // The worker may be gone while something is written to it; its exit is what tests look at.
    for (const socket of [this.control, this.data]) socket.on('error', () => {});
  }

  /** Waits for the hello, and welcomes the worker. */
  async welcome(): Promise<Message> {
    const hello = await this.message('hello');
    this.tell({ type: 'welcome', protocol: 1 });
    return hello;
  }

  tell(message: object): void {
    this.control.write(encodeLine(message));
  }

  /** The next control message of this type, and with these fields; others are passed over. */
  message(type: string, fields: Message = {}): Promise<Message> {
    return within(
      this.#messages.take((message) => matches(message, { ...fields, type })),
      `a ${type} message, with stderr: ${this.stderr}`,
    );
  }

  /** Whether such a message has come, and wasn't taken. */
  hasMessage(fields: Message): boolean {
    return this.#messages.has((message) => matches(message, fields));
  }

  request(header: Message): void {
    const { value, parts, marked } = encodeValue(header.args, 'args');
    const frame = encodeFrame({ ...header, args: value, ...(marked && { marked }) }, parts);
    for (const piece of frame) this.data.write(piece);
  }

  /** Calls, and waits for the answer. */
  async call(id: number, method: string, ...args: unknown[]): Promise<Message> {
    this.request({ type: 'call', id, method, args });
    return this.answer(id);
  }

  /** The next answer of this id. */
  answer(id: number): Promise<Message> {
    return within(
      this.#answers.take((answer) => answer.id === id),
      `an answer to ${id}, with stderr: ${this.stderr}`,
    );
  }

  hasAnswer(id: number): boolean {
    return this.#answers.has((answer) => answer.id === id);
  }

  exited(): Promise<{ code: number | null; signal: string | null }> {
    return within(this.exit, 'the exit of the worker', DEADLINE_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL');
    await this.exited();
    for (const stream of this.child.stdio) stream?.destroy();
  }
}

function decoded({ header, parts }: Frame): Message {
  const { marked, value, parts: _, ...fields } = header;
  return 'value' in header ? { ...fields, value: decodeValue(value, parts, marked === true) } : fields;
}

function matches(message: Message, fields: Message): boolean {
  return Object.entries(fields).every(([key, value]) => message[key] === value);
}

class Inbox {
  readonly #messages: Message[] = [];
  readonly #waiting = new Set<() => void>();

  put(message: Message): void {
    this.#messages.push(message);
    for (const look of this.#waiting) look();
  }

  has(wanted: (message: Message) => boolean): boolean {
    return this.#messages.some(wanted);
  }

  take(wanted: (message: Message) => boolean): Promise<Message> {
    return new Promise((resolve) => {
      const look = () => {
        const index = this.#messages.findIndex(wanted);
        if (index < 0) return;
        this.#waiting.delete(look);
        resolve(this.#messages.splice(index, 1)[0] as Message);
      };
      this.#waiting.add(look);
      look();
    });
  }
}
