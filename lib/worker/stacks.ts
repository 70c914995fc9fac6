import type { ChildProcess } from 'node:child_process';
import { type FileHandle, open, readdir, readFile, readlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { atMost, nowMs } from '../clock.js';
import { binding, hasMarks } from '../guard/binding.js';
import { identifyWithin } from '../guard/identify.js';
import type { StackOffer } from '../wire/messages.js';

/** A worker that can be asked: with what its hello has said. */
export interface StackSource {
  readonly child: ChildProcess | undefined;
  readonly stackOffer: Offer | undefined;
}

type Offer = StackOffer & { readonly pid: number };

// On an idle machine it takes some milliseconds. Its successor has been started by then, so that waiting costs little.
const defaultDeadlineMs = 2000;
const lookAgainMs = 10;
const lastLookMs = 30;
const maxBytes = 256 * 1024;
// As in python/src/procguard/stacks.py. What else has the descriptor now must not be written to.
const fileName = '/memfd:procguard-stacks';

const asked = new WeakMap<object, Promise<string | undefined>>();

/**
 * The stacks of all threads of a worker, as its program prints them. Undefined: it doesn't offer that, has ended, or can't
 * answer within `deadlineMs`, as when it is stopped or in uninterruptible sleep. A call of a worker that is being
 * asked gets the answer to that.
 */
export async function askForStacks(
  source: StackSource,
  deadlineMs: number = defaultDeadlineMs,
): Promise<string | undefined> {
  const { stackOffer } = source;
  // They are written to a file without a name, which is read by way of /proc.
  if (stackOffer === undefined || !hasMarks || binding().darwin !== undefined) return undefined;
  const untilMs = nowMs() + deadlineMs;
  let answer: string | undefined;
  // Not only its own loop has a deadline: a read of a file may wait for a thread of libuv's pool.
  const answered = askInTurn(source, stackOffer, untilMs).then((text) => {
    answer = text;
  });
  await atMost(deadlineMs, answered);
  return answer;
}

/** One after the other: what is written between two looks at the file's size must be one answer. */
async function askInTurn(source: StackSource, offer: Offer, untilMs: number): Promise<string | undefined> {
  for (let earlier = asked.get(offer); earlier !== undefined; earlier = asked.get(offer)) {
    const answer = await earlier;
    if (answer !== undefined) return answer;
  }
  if (nowMs() > untilMs) return undefined;
  const asking = ask(source, offer, untilMs).finally(() => asked.delete(offer));
  asked.set(offer, asking);
  return asking;
}

async function ask(
  { child }: StackSource,
  { pid, signal, descriptor }: Offer,
  untilMs: number,
): Promise<string | undefined> {
  // What has been written by then is returned before the caller's own deadline.
  const enoughMs = untilMs - lastLookMs;
  let file: FileHandle | undefined;
  try {
    const id = child === undefined ? undefined : await identifyWithin(child, pid);
    if (id === undefined) return undefined;
    file = await open(`/proc/${pid}/fd/${descriptor}`, 'r');
    if (!(await readlink(`/proc/self/fd/${file.fd}`)).startsWith(fileName)) return undefined;
    const { size } = await file.stat();
    const blocking = await threadsThatBlock(pid, signal);
    const { isCaught, isPending } = await readSignals(`/proc/${pid}/status`, signal);
    // Without a handler the signal would end it.
    if (!isCaught) return undefined;
    // An earlier one may still wait for a stopped process to go on. Its answer comes behind the size that was read before.
    if (!isPending && binding().signal(id.pid, id.startTicks, signal) !== 0) return undefined;
    for (;;) {
      const isWritten = (await file.stat()).size > size;
      // While a thread is in the handler, it blocks the signal.
      if (isWritten && isSubset(await threadsThatBlock(pid, signal), blocking)) break;
      const leftMs = enoughMs - nowMs();
      if (leftMs <= 0) break;
      await sleep(Math.min(lookAgainMs, leftMs));
    }
    return await readFrom(file, size);
  } catch {
    return undefined; // it has ended, or /proc doesn't let us look at it
  } finally {
    await file?.close();
  }
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
