import type { ChildProcess } from 'node:child_process';
import { type FileHandle, open, readdir, readFile, readlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { atMost, nowMs } from '../clock.js';
import { binding, hasMarks } from '../guard/binding.js';
import { identifyWithin, type TreeId } from '../guard/identify.js';
import type { StackOffer } from '../wire/messages.js';

/** A worker that can be asked: with what its hello has said. */
export interface StackSource {
  readonly child: ChildProcess | undefined;
  readonly stackOffer: (StackOffer & { readonly pid: number }) | undefined;
  /** Asks by a message. Undefined: no answer in that time. */
  sayStacks(withinMs: number): Promise<string | undefined>;
}

interface SignalOffer {
  readonly pid: number;
  readonly signal: number;
  readonly descriptor: number;
}

// On an idle machine it takes some milliseconds. Its successor has been started by then, so that waiting costs little.
const defaultDeadlineMs = 2000;
const lookAgainMs = 10;
const lastLookMs = 30;
const maxBytes = 256 * 1024;
// A signal's handler does not stop the other threads. Python prints this where one went on while its stack was read.
const cutShort = /^ {2}File \?\?\?/m;
const maxAsks = 3;
// As in python/src/procguard/stacks.py. What else has the descriptor now must not be written to.
const fileName = '/memfd:procguard-stacks';

const asked = new WeakMap<StackSource, Promise<string | undefined>>();

export interface AskOptions {
  /** It answers no pings either, so that it is asked by a signal at once. */
  readonly isHung?: boolean;
  readonly deadlineMs?: number;
}

/**
 * The stacks of all threads of a worker, as its program prints them. Undefined: it doesn't offer that, has ended, or can't
 * answer within `deadlineMs`, as when it is stopped or in uninterruptible sleep.
 *
 * By a message first, which its program answers when it may: a signal's handler reads the stacks of threads that go on, and in Python
 * now and then ends the worker by doing so. When the message has had half of the time, something in C mostly holds the GIL, and no thread goes on.
 */
export async function askForStacks(
  source: StackSource,
  { isHung = false, deadlineMs = defaultDeadlineMs }: AskOptions = {},
): Promise<string | undefined> {
  const { stackOffer } = source;
  if (stackOffer === undefined) return undefined;
  const { pid, message, signal, descriptor } = stackOffer;
  const untilMs = nowMs() + deadlineMs;
  // Its answer goes to a file without a name, which is read by way of /proc.
  const canSignal =
    signal !== undefined && descriptor !== undefined && hasMarks && binding().darwin === undefined;
  if (message && !isHung) {
    const said = await source.sayStacks(canSignal ? deadlineMs / 2 : deadlineMs);
    if (said !== undefined) return said;
  }
  if (!canSignal) return undefined;
  let answer: string | undefined;
  // Not only its own loop has a deadline: a read of a file may wait for a thread of libuv's pool.
  const answered = askInTurn(source, { pid, signal, descriptor }, untilMs).then((text) => {
    answer = text;
  });
  await atMost(untilMs - nowMs(), answered);
  return answer;
}

/**
 * One after the other: what is written between two looks at the file's size must be one answer. Who asks while it is being asked
 * gets the answer to that.
 */
async function askInTurn(
  source: StackSource,
  offer: SignalOffer,
  untilMs: number,
): Promise<string | undefined> {
  for (let earlier = asked.get(source); earlier !== undefined; earlier = asked.get(source)) {
    const answer = await earlier;
    if (answer !== undefined) return answer;
  }
  if (nowMs() > untilMs) return undefined;
  const asking = askBySignal(source, offer, untilMs).finally(() => asked.delete(source));
  asked.set(source, asking);
  return asking;
}

async function askBySignal(
  { child }: StackSource,
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
