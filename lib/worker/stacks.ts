import type { ChildProcess } from 'node:child_process';
import { atMost, nowMs } from '../clock.js';
import { binding, hasMarks } from '../guard/binding.js';
import type { StackOffer } from '../wire/messages.js';
import { askBySignal, type SignalOffer } from './stack-signal.js';

/** A worker that can be asked: with what its hello has said. */
export interface StackSource {
  readonly child: ChildProcess | undefined;
  readonly stackOffer: (StackOffer & { readonly pid: number }) | undefined;
  /** Asks by a message. Undefined: no answer in that time. */
  sayStacks(withinMs: number): Promise<string | undefined>;
}

// On an idle machine it takes some milliseconds. Its successor has been started by then, so that waiting costs little.
const defaultDeadlineMs = 2000;

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
  const asking = askBySignal(source.child, offer, untilMs).finally(() => asked.delete(source));
  asked.set(source, asking);
  return asking;
}
