import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createAdminServer } from '../lib/admin/index.js';
import type { Batch } from './batches.js';
import type { CountingPool } from './counting-pool.js';
import { WORKERS } from './layers.js';
import { say, styled } from './screen.js';
import type { Session } from './session.js';

const CALLS_AT_ONCE = 2 * WORKERS;
const KILL_EVERY_MS = 10_000;

/** Shows the pool at work on a page, and kills a worker now and then, until the pool is closed. */
export async function showDashboard(session: Session, batches: readonly Batch[]): Promise<void> {
  const counting = session.open();
  const token = randomBytes(24).toString('base64url');
  const admin = await createAdminServer({ pools: [counting.pool], token, actions: true, minReady: WORKERS });
  session.atEnd(() => admin.close());
  say();
  // The browser keeps the fragment to itself; the page exchanges it for a cookie.
  say(`The pool at work: ${styled('bold', `${admin.url}#token=${token}`)}`);
  say(
    `Every ${KILL_EVERY_MS / 1000} seconds a worker is killed: its row turns red, and another takes its place.`,
  );
  say('Ctrl-C ends it.');
  say();
  const ended = new AbortController();
  const killing = killNowAndThen(counting, ended.signal);
  await Promise.all(Array.from({ length: CALLS_AT_ONCE }, (_, first) => keepBusy(counting, batches, first)));
  ended.abort();
  await killing;
}

/** Makes one call after the other, until the pool takes no more. */
async function keepBusy(counting: CountingPool, batches: readonly Batch[], first: number): Promise<void> {
  for (let number = first; ; number += CALLS_AT_ONCE) {
    const { call, done } = counting.count(batches[number % batches.length]!);
    await done;
    if ((call.error as NodeJS.ErrnoException | undefined)?.code === 'ERR_PROCGUARD_POOL_CLOSED') return;
  }
}

async function killNowAndThen({ pool }: CountingPool, signal: AbortSignal): Promise<void> {
  for (let turn = 0; ; turn++) {
    await sleep(KILL_EVERY_MS, undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    const { slot, pid, verdict } = pool.stats().workers[turn % WORKERS]!;
    if (pid === undefined || verdict === 'starting') continue;
    say(`  kill -9 ${pid}, the worker in slot ${slot}`);
    process.kill(pid, 'SIGKILL');
  }
}
