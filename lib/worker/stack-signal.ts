import type { ChildProcess } from 'node:child_process';
import { type FileHandle, open, readdir, readFile, readlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { nowMs } from '../clock.js';
import { binding } from '../guard/binding.js';
import { identifyWithin, type TreeId } from '../guard/identify.js';

export interface SignalOffer {
  readonly pid: number;
  readonly signal: number;
  readonly descriptor: number;
}

const lookAgainMs = 10;
const lastLookMs = 30;
const maxBytes = 256 * 1024;
// A signal's handler does not stop the other threads. Python prints this where one went on while its stack was read.
const cutShort = /^ {2}File \?\?\?/m;
const maxAsks = 3;
// As in python/src/procguard/stacks.py. What else has the descriptor now must not be written to.
const fileName = '/memfd:procguard-stacks';

/**
 * What the handler of the offered signal writes to the end of the offered file. Undefined: nothing by then, or that can't be looked at.
 * Two at once for one process would read each other's answers.
 */
export async function askBySignal(
  child: ChildProcess | undefined,
  { pid, signal, descriptor }: SignalOffer,
  untilMs: number,
): Promise<string | undefined> {
  // What has been written by then is returned before the caller's own deadline.
  const enoughMs = untilMs - lastLookMs;
  let file: FileHandle | undefined;
  let answer: string | undefined;
  try {
    const id = child === undefined ? undefined : await identifyWithin(child, pid);
    if (id === undefined) return undefined;
    file = await open(`/proc/${pid}/fd/${descriptor}`, 'r');
    if (!(await readlink(`/proc/self/fd/${file.fd}`)).startsWith(fileName)) return undefined;
    for (let asks = 0; asks < maxAsks; asks++) {
      const text = await signalAndRead(file, id, signal, enoughMs);
      answer = text ?? answer;
      if (text === undefined || !cutShort.test(text)) break;
    }
    return answer;
  } catch {
    return answer; // it has ended, or /proc doesn't let us look at it
  } finally {
    await file?.close();
  }
}

async function signalAndRead(
  file: FileHandle,
  { pid, startTicks }: TreeId,
  signal: number,
  enoughMs: number,
): Promise<string | undefined> {
  const { size } = await file.stat();
  const blocking = await threadsThatBlock(pid, signal);
  const { isCaught, isPending } = await readSignals(`/proc/${pid}/status`, signal);
  // Without a handler the signal would end it.
  if (!isCaught) return undefined;
  // An earlier one may still wait for a stopped process to go on. Its answer comes behind the size that was read before.
  if (!isPending && binding().signal(pid, startTicks, signal) !== 0) return undefined;
  for (;;) {
    const isWritten = (await file.stat()).size > size;
    // While a thread is in the handler, it blocks the signal.
    if (isWritten && isSubset(await threadsThatBlock(pid, signal), blocking)) break;
    const leftMs = enoughMs - nowMs();
    if (leftMs <= 0) break;
    await sleep(Math.min(lookAgainMs, leftMs));
  }
  return readFrom(file, size);
}

interface Signals {
  readonly isCaught: boolean;
  readonly isBlocked: boolean;
  readonly isPending: boolean;
}

async function readSignals(path: string, signal: number): Promise<Signals> {
  const text = await readFile(path, 'latin1');
  const has = (name: string) => {
    const mask = new RegExp(`^${name}:\\s*([0-9a-f]+)$`, 'm').exec(text)?.[1] ?? '0';
    return ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n;
  };
  return { isCaught: has('SigCgt'), isBlocked: has('SigBlk'), isPending: has('ShdPnd') };
}

async function threadsThatBlock(pid: number, signal: number): Promise<Set<string>> {
  const blocking = new Set<string>();
  for (const thread of await readdir(`/proc/${pid}/task`)) {
    // A thread may end meanwhile.
    const signals = await readSignals(`/proc/${pid}/task/${thread}/status`, signal).catch(() => undefined);
    if (signals?.isBlocked) blocking.add(thread);
  }
  return blocking;
}

function isSubset(part: ReadonlySet<string>, whole: ReadonlySet<string>): boolean {
  return [...part].every((member) => whole.has(member));
}

async function readFrom(file: FileHandle, position: number): Promise<string | undefined> {
  const length = Math.min(maxBytes, (await file.stat()).size - position);
  if (length <= 0) return undefined;
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.toString('utf8', 0, bytesRead).trimEnd();
}
