import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { ended, started } from './child.js';
import { type Contender, Fleet, type Payload, type Setting, type Value } from './contender.js';

/** Node's own messages to a Node worker, answered in order. */
export function forkIpc({ workers, payload }: Setting): Contender {
  return new Fleet(Array.from({ length: workers }, () => new Fork(payload)));
}

class Fork implements Contender {
  readonly name: string;
  readonly #serialization: 'json' | 'advanced';
  #child: ChildProcess | undefined;
  readonly #waiting: { resolve(answer: unknown): void; reject(error: Error): void }[] = [];

  constructor(payload: Payload) {
    // The faster of the two for each: 'json' makes a list of numbers of a Buffer.
    this.#serialization = payload === 'bytes' ? 'advanced' : 'json';
    this.name = `child_process.fork, ${this.#serialization}`;
  }

  async start(): Promise<void> {
    const script = fileURLToPath(new URL('fork-worker.js', import.meta.url));
    const child = fork(script, { serialization: this.#serialization });
    this.#child = child;
    await started(this.name, child, once(child, 'message'));
    child.on('message', (answer) => this.#waiting.shift()?.resolve(answer));
  }

  echo(value: Value): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#child?.send(value, (error) => error && reject(error));
    });
  }

  async stop(): Promise<void> {
    if (this.#child === undefined) return;
    if (this.#child.connected) this.#child.disconnect();
    await ended(this.#child);
  }
}
