import os from 'node:os';
import { answerWithin, nowMs } from '../clock.js';
import { binding, isGuardedPlatform } from '../guard/binding.js';
import { uvErrno } from '../guard/errno.js';
import type { TreeId } from '../guard/identify.js';
import { lookLimitMs, looksTooLong } from '../guard/look-limit.js';
import { cannotLook } from '../guard/proc-errors.js';

/**
 * `gone`: no such process. `replaced`: its pid is another's now. `denied`: it may not be looked at (hidepid, a security
 * module), which says nothing about it. `unsupported`: not on this platform.
 */
export type Outcome = 'sampled' | 'gone' | 'replaced' | 'denied' | 'failed' | 'unsupported';

/** Of the first thread. `traced`: stopped by the process that traces it. `dead`: a zombie, which its parent has not reaped. */
export type RunState = 'running' | 'sleeping' | 'uninterruptible' | 'stopped' | 'traced' | 'dead' | 'other';

export interface TreeUse {
  /** The process itself included. */
  readonly processes: number;
  /** With what ended descendants have used, where their parents have waited for them. */
  readonly cpuMs: number;
  /** Pages that several of them share are counted for each. */
  readonly rssBytes: number;
}

export interface ProcessSample {
  readonly id: TreeId;
  readonly outcome: Outcome;
  /** When it was taken, on the clock of `nowMs`. */
  readonly atMs: number;
  /** How long the machine has been suspended since its start, which `nowMs` leaves out. */
  readonly suspendedMs: number;
  readonly state: RunState;
  /** User and system time of all threads, since its start. */
  readonly cpuMs: number;
  readonly rssBytes: number;
  readonly threads: number;
  /** Who traces it, when `state` is `traced` and that can be told. */
  readonly tracerPid: number | undefined;
  /** When trees were asked for. */
  readonly tree: TreeUse | undefined;
}

// As native/sample_job.cc writes and reads them.
const inputColumns = 3;
const header = 2;
const columns = 10;
const { ESTALE } = os.constants.errno;
const unsupportedError = 1;

const outcomes = new Map<number, Outcome>([
  [0, 'sampled'],
  [uvErrno.ESRCH, 'gone'],
  [-ESTALE, 'replaced'],
  [uvErrno.EACCES, 'denied'],
  [uvErrno.EPERM, 'denied'],
  [unsupportedError, 'unsupported'],
]);

const states = new Map<number, RunState>(
  Object.entries({
    R: 'running',
    S: 'sleeping',
    I: 'sleeping',
    D: 'uninterruptible',
    T: 'stopped',
    t: 'traced',
    Z: 'dead',
    X: 'dead',
  } as const).map(([letter, state]) => [letter.charCodeAt(0), state]),
);

/** Samples of many processes, kept as numbers: an object is made of one when it is asked for. */
export class Samples {
  readonly #atMs = nowMs();

  constructor(
    private readonly ids: readonly TreeId[],
    private readonly numbers: Float64Array,
    private readonly trees: boolean,
  ) {}

  get count(): number {
    return this.ids.length;
  }

  /** The sample of the process that was named at `index`. */
  get(index: number): ProcessSample {
    const at = header + index * columns;
    const number = (column: number) => this.numbers[at + column] as number;
    const [readNs, suspendedNs] = this.numbers as unknown as [number, number];
    const sampledNs = number(2);
    return {
      id: this.ids[index] as TreeId,
      outcome: outcomes.get(number(0)) ?? 'failed',
      atMs: sampledNs === 0 ? this.#atMs : this.#atMs - (readNs - sampledNs) / 1e6,
      suspendedMs: suspendedNs / 1e6,
      state: states.get(number(1)) ?? 'other',
      cpuMs: number(3) / 1e6,
      rssBytes: number(4),
      threads: number(5),
      tracerPid: number(6) === 0 ? undefined : number(6),
      tree: this.trees ? { processes: number(7), cpuMs: number(8) / 1e6, rssBytes: number(9) } : undefined,
    };
  }
}

/**
 * Looks at each of these processes once, off the main thread. With `trees` all processes of the machine are looked at, and
 * each counts for the nearest of those named that it descends from, or whose mark it carries. Rejects with `ERR_PROCGUARD_SYSTEM` when nothing can
 * be said of any process, within ten seconds, and with `ERR_PROCGUARD_ADDON_UNAVAILABLE`.
 */
export async function sampleProcesses(
  ids: readonly TreeId[],
  { trees }: { trees: boolean },
): Promise<Samples> {
  if (!isGuardedPlatform) return new Samples(ids, unsupported(ids.length), trees);
  const asked = new Float64Array(ids.length * inputColumns);
  let at = 0;
  for (const { pid, startTicks, childNumber = 0 } of ids) {
    asked[at++] = pid;
    asked[at++] = startTicks;
    asked[at++] = childNumber;
  }
  // A copy: the caller's list may change until the samples are there.
  const named = [...ids];
  const numbers = await answerWithin(lookLimitMs, binding().sample(asked, trees));
  if (numbers === undefined) throw looksTooLong("Processes can't be sampled");
  if (typeof numbers === 'number') throw cannotLook("Processes can't be sampled", numbers);
  return new Samples(named, numbers, trees);
}

function unsupported(count: number): Float64Array {
  const numbers = new Float64Array(header + count * columns);
  for (let index = 0; index < count; index++) numbers[header + index * columns] = unsupportedError;
  return numbers;
}
