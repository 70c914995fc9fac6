import { PYTHON, programPath } from './child.js';
import { type Contender, LeftOut, NAMES, type Setting, type Value } from './contender.js';

const CONCURRENCY = 64;

/** As much of the pool as is measured. Looked up at run time: the bench also runs on a build without one. */
interface Pool {
  ready(): Promise<void>;
  call(method: string, args: unknown[]): Promise<unknown>;
  close(): Promise<unknown>;
}
interface Library {
  Pool?: new (options: { command: string; args: string[]; size: number; concurrency: number }) => Pool;
}

export function pool({ workers }: Setting): Contender {
  return new PoolContender(workers);
}

class PoolContender implements Contender {
  readonly name = NAMES.pool;
  #pool: Pool | undefined;

  constructor(private readonly workers: number) {}

  async start(): Promise<void> {
    const library = (await import('../../lib/index.js')) as unknown as Library;
    if (library.Pool === undefined) throw new LeftOut('this build has none');
    this.#pool = new library.Pool({
      command: PYTHON,
      args: [programPath('worker.py')],
      size: this.workers,
      concurrency: CONCURRENCY,
    });
    await this.#pool.ready();
  }

  async echo(value: Value): Promise<unknown> {
    return this.#pool?.call('echo', [value]);
  }

  async stop(): Promise<void> {
    await this.#pool?.close();
  }
}
