import type { ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { ended, PYTHON, programPath, spawnPiped, started } from './child.js';
import { type Contender, Fleet, NAMES, type Payload, type Setting, type Value } from './contender.js';
import { readLines } from './lines.js';

/** What somebody writes by hand in ten minutes: JSON lines over stdio, answered in order. Bytes go as base64. */
export function echo({ workers, payload }: Setting): Contender {
  return new Fleet(Array.from({ length: workers }, () => new Echo(payload)));
}

class Echo implements Contender {
  readonly name: string;
  #child: ChildProcessByStdio<Writable, Readable, null> | undefined;
  readonly #waiting: ((answer: unknown) => void)[] = [];
  readonly #write: (value: Value) => unknown;
  readonly #read: (answer: unknown) => unknown;

  constructor(private readonly payload: Payload) {
    const isBytes = payload === 'bytes';
    this.name = isBytes ? NAMES.base64Echo : NAMES.echo;
    this.#write = isBytes ? (value) => (value as Buffer).toString('base64') : (value) => value;
    this.#read = isBytes ? (answer) => Buffer.from(answer as string, 'base64') : (answer) => answer;
  }

  async start(): Promise<void> {
    const child = spawnPiped(PYTHON, [programPath('echo.py'), this.payload]);
    this.#child = child;
    readLines(child.stdout, (line) => this.#waiting.shift()?.(JSON.parse(line)));
    const probe = this.payload === 'bytes' ? Buffer.from('ready') : { ready: true };
    await started(this.name, child, this.echo(probe));
  }

  async echo(value: Value): Promise<unknown> {
    const answer = new Promise<unknown>((resolve) => {
      this.#waiting.push(resolve);
    });
    this.#child?.stdin.write(`${JSON.stringify(this.#write(value))}\n`);
    return this.#read(await answer);
  }

  async stop(): Promise<void> {
    if (this.#child === undefined) return;
    this.#child.stdin.end();
    await ended(this.#child);
  }
}
