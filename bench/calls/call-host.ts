import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { within } from '../deadline.js';
import { startHost } from '../host-process.js';
import type { Brand } from '../survivors.js';
import type { BlockFigures, BlockRequest, CallPlan, Ready } from './host.js';

const LIMIT_MS = 300_000;

/** A process with a pool, which works only when it is told to. */
export class CallHost<Way extends string> {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterableIterator<string>;
  readonly #reader: Interface;

  constructor(
    readonly way: Way,
    private readonly plan: CallPlan,
    private readonly brand: Brand,
  ) {
    this.#process = startHost('calls/host', plan, {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: brand.environment(),
    });
    this.#reader = createInterface(this.#process.stdout as NodeJS.ReadableStream);
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  async ready(): Promise<void> {
    const { traces }: Ready = await this.#line();
    this.brand.addHost(traces);
  }

  block(request: BlockRequest): Promise<BlockFigures> {
    this.#process.stdin?.write(`${JSON.stringify(request)}\n`);
    return this.#line();
  }

  async end(): Promise<void> {
    const { exitCode, signalCode } = this.#process;
    const exited = exitCode === null && signalCode === null ? once(this.#process, 'exit') : undefined;
    this.#process.stdin?.end();
    if (exited !== undefined && (await within(LIMIT_MS, exited)) === undefined) this.#process.kill('SIGKILL');
    this.#reader.close();
  }

  async #line<T>(): Promise<T> {
    const found = await within(LIMIT_MS, this.#lines.next());
    if (found === undefined || found.done)
      throw new Error(`The host of ${this.plan.pool.size} workers said nothing`);
    return JSON.parse(found.value);
  }
}

export async function blocksInTurn<Way extends string>(
  hosts: CallHost<Way>[],
  request: BlockRequest,
): Promise<Record<Way, BlockFigures>> {
  const found: Partial<Record<Way, BlockFigures>> = {};
  for (const host of hosts) found[host.way] = await host.block(request);
  return found as Record<Way, BlockFigures>;
}

/** Each is the first as often as another. */
export function turns<T>(round: number, all: T[]): T[] {
  const first = round % all.length;
  return [...all.slice(first), ...all.slice(0, first)];
}
