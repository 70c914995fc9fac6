import { spawn as spawnUnguarded } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { nowMs } from '../../lib/clock.js';
import { askForStacks, type StackSource } from '../../lib/worker/stacks.js';
import { Worker } from '../../lib/worker/worker.js';
import { DEADLINE_MS, until, within } from '../helpers/deadline.js';
import { fixture, ROOT } from '../helpers/fixtures.js';
import { readProc, readStat } from '../helpers/proc.js';
import { WorkerChannel } from '../helpers/worker-channel.js';

const program = fixture('workers/hanging_worker.py');
const env = { PYTHONPATH: path.join(ROOT, 'python/src') };

interface Asked {
  readonly channel: WorkerChannel;
  readonly source: StackSource;
  readonly signal: number;
  readonly descriptor: number;
}

async function start(t: ExecutionContext, args: string[] = []): Promise<Asked> {
  return welcome(t, new WorkerChannel('python3', [program, ...args], env));
}

async function welcome(t: ExecutionContext, channel: WorkerChannel): Promise<Asked> {
  t.teardown(() => channel[Symbol.asyncDispose]());
  const hello = await channel.welcome();
  const pid = hello.pid as number;
  const { signal, descriptor } = hello.stacks as { signal: number; descriptor: number };
  channel.tell({ type: 'ping', seq: 0 });
  await channel.message('pong');
  await untilIdle(pid);
  const sayStacks = () => Promise.reject(new Error('it was asked by a message'));
  const source = { child: channel.child, stackOffer: { pid, signal, descriptor }, sayStacks };
  return { channel, source, signal, descriptor };
}

/** The signal's handler reads the stacks of threads that go on, and may end the worker by doing so. */
async function untilIdle(pid: number): Promise<void> {
  const isAsleep = (thread: string) => readStat(pid, thread)?.state === 'S';
  await until(() => readdirSync(`/proc/${pid}/task`).every(isAsleep) || undefined, 'its threads to wait');
}

async function hang({ channel }: Asked, method: string, ...args: unknown[]): Promise<void> {
  channel.request({ type: 'call', id: 100, method, args });
  await channel.message('log', { message: 'started' });
}

for (const method of ['sleep_long', 'spin', 'hold_gil', 'sleep_with_gil']) {
  test.serial(`a worker that hangs in ${method} tells where`, async (t) => {
    const worker = await start(t);
    await hang(worker, method);
    const stacks = await askForStacks(worker.source, { deadlineMs: DEADLINE_MS });
    t.regex(stacks ?? '', new RegExp(`hanging_worker.py", line \\d+ in ${method}`));
    // The main thread is the last.
    t.regex(stacks ?? '', /hanging_worker.py", line \d+ in <module>$/);
    t.is(worker.channel.stderr, '');
    t.regex(stacks ?? '', /procguard.control.py/);
  });
}

test.serial('a worker that holds the GIL answers the stacks and no ping', async (t) => {
  const worker = await start(t);
  await hang(worker, 'hold_gil');
  worker.channel.tell({ type: 'ping', seq: 1 });
  t.regex((await askForStacks(worker.source, { deadlineMs: DEADLINE_MS })) ?? '', /in hold_gil/);
  t.false(worker.channel.hasMessage({ type: 'pong' }));
});

test.serial('all threads are told of', async (t) => {
  const worker = await start(t);
  await hang(worker, 'many_threads');
  const stacks = await askForStacks(worker.source, { deadlineMs: DEADLINE_MS });
  // 20, the control thread and the main thread.
  t.is(stacks?.match(/^(Current t|T)hread /gm)?.length, 22);
});

test.serial('a thread that blocks all signals delays nothing', async (t) => {
  const worker = await start(t);
  await hang(worker, 'block_signals');
  const startedMs = nowMs();
  t.regex((await askForStacks(worker.source, { deadlineMs: DEADLINE_MS })) ?? '', /in block_signals/);
  t.true(nowMs() - startedMs < DEADLINE_MS / 2);
});

test.serial('a second request is answered by the second stacks alone', async (t) => {
  const worker = await start(t);
  const idle = await askForStacks(worker.source, { deadlineMs: DEADLINE_MS });
  t.regex(idle ?? '', /in run_worker/);
  t.notRegex(idle ?? '', /in sleep_long/);
  t.is((await worker.channel.call(1, 'echo', 1)).value, 1);
  await hang(worker, 'sleep_long');
  const hanging = await askForStacks(worker.source, { deadlineMs: DEADLINE_MS });
  t.is(hanging?.match(/in <module>$/gm)?.length, 1);
  t.regex(hanging ?? '', /in sleep_long/);
});

test.serial(
  'a thread whose stack is cut short since it went on is asked again, three times at most',
  async (t) => {
    const worker = await start(t);
    const cut = ['first', 'second', 'third', 'fourth'].map(
      (name) => `Thread 1:\n  File "${name}.py"\n  File ???\n`,
    );
    const whole = 'Thread 1:\n  File "whole.py", line 1 in <module>\n';
    const answerBy = (...answers: string[]) =>
      worker.channel.call(nextId++, 'answer_by_hand', worker.signal, worker.descriptor, ...answers);
    let nextId = 1;
    await answerBy(cut[0]!, whole, cut[1]!);
    t.is(await askForStacks(worker.source, { deadlineMs: DEADLINE_MS }), whole.trimEnd());
    await answerBy(...cut);
    t.is(await askForStacks(worker.source, { deadlineMs: DEADLINE_MS }), cut[2]!.trimEnd());
  },
);

test.serial('two requests at once get the same answer', async (t) => {
  const worker = await start(t);
  const [first, second] = await Promise.all([
    askForStacks(worker.source, { deadlineMs: DEADLINE_MS }),
    askForStacks(worker.source, { deadlineMs: DEADLINE_MS }),
  ]);
  t.regex(first ?? '', /in run_worker/);
  t.is(second, first);
});

test.serial('a stopped worker does not answer, and the deadline holds', async (t) => {
  const worker = await start(t);
  worker.channel.child.kill('SIGSTOP');
  await until(() => (readStat(worker.channel.child.pid!)?.state === 'T' ? true : undefined), 'it to stop');
  for (const deadlineMs of [1000, 0]) {
    const startedMs = nowMs();
    t.is(await askForStacks(worker.source, { deadlineMs }), undefined);
    t.true(nowMs() - startedMs < deadlineMs + 2000, `${nowMs() - startedMs}`);
  }
  // However often it was asked meanwhile, it answers once.
  worker.channel.child.kill('SIGCONT');
  t.is((await worker.channel.call(1, 'echo', 1)).value, 1);
  const text = readProc(worker.channel.child.pid!, `fd/${worker.descriptor}`);
  t.is(text?.match(/in <module>$/gm)?.length, 1);
});

test.serial('a stopped worker that goes on within the deadline answers', async (t) => {
  const worker = await start(t);
  const { child } = worker.channel;
  child.kill('SIGSTOP');
  await until(() => (readStat(child.pid!)?.state === 'T' ? true : undefined), 'it to stop');
  const asking = askForStacks(worker.source, { deadlineMs: DEADLINE_MS });
  child.kill('SIGCONT');
  t.regex((await asking) ?? '', /in run_worker/);
});

test.serial('the signals that programs use are left to them', async (t) => {
  const signals = [10, 12, 62, 63];
  const worker = await start(t, signals.map(String));
  t.false(signals.includes(worker.signal), `${worker.signal}`);
  t.regex((await askForStacks(worker.source, { deadlineMs: DEADLINE_MS })) ?? '', /in run_worker/);
  for (const signal of signals) process.kill(worker.channel.child.pid!, signal);
  for (let id = 1; ; id++) {
    const { value } = await worker.channel.call(id, 'handled_signals');
    if ((value as number[]).length === signals.length) break;
  }
  t.pass();
});

test.serial('a program that takes the signal later gets it, and there are no stacks', async (t) => {
  const worker = await start(t);
  await worker.channel.call(1, 'take', worker.signal);
  t.is(await askForStacks(worker.source, { deadlineMs: 300 }), undefined);
  t.deepEqual((await worker.channel.call(2, 'handled_signals')).value, [worker.signal]);
});

test.serial('a program that has given the signal back is not killed by it', async (t) => {
  const worker = await start(t);
  await worker.channel.call(1, 'give_back', worker.signal);
  t.is(await askForStacks(worker.source, { deadlineMs: 300 }), undefined);
  t.is((await worker.channel.call(2, 'echo', 1)).value, 1);
});

test.serial('a file of the program that has taken the place of the stacks is not written to', async (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'procguard-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const worker = await start(t);
  await worker.channel.call(1, 'reuse', worker.descriptor, path.join(folder, 'data'));
  t.is(await askForStacks(worker.source, { deadlineMs: 300 }), undefined);
  t.is((await worker.channel.call(2, 'echo', 1)).value, 1);
  t.is(readFileSync(path.join(folder, 'data'), 'utf8'), '');
});

test.serial('a worker that has become another program is not killed by the signal', async (t) => {
  const worker = await start(t);
  const { pid } = worker.channel.child;
  await hang(worker, 'become_another_program');
  await until(() => (readProc(pid!, 'comm')?.startsWith('sleep') ? true : undefined), 'the exec');
  t.is(await askForStacks(worker.source, { deadlineMs: 300 }), undefined);
  t.is(worker.channel.child.signalCode, null);
});

test.serial('a worker that has ended, and one that offers nothing, have no stacks', async (t) => {
  const worker = await start(t);
  t.is(await askForStacks({ ...worker.source, stackOffer: undefined }), undefined);
  t.is(await askForStacks({ ...worker.source, child: undefined }), undefined);
  worker.channel.child.kill('SIGKILL');
  await worker.channel.exited();
  t.is(await askForStacks(worker.source), undefined);
});

test.serial('a worker behind a launcher is asked itself', async (t) => {
  const worker = await welcome(t, new WorkerChannel('sh', ['-c', 'python3 "$0"; exit', program], env));
  // The launcher's end alone would leave the worker.
  t.teardown(() => worker.channel.control.destroy());
  t.not(worker.source.stackOffer!.pid, worker.channel.child.pid);
  t.regex((await askForStacks(worker.source, { deadlineMs: DEADLINE_MS })) ?? '', /in run_worker/);
});

test.serial('a pid that is not of the tree of the worker is not signaled', async (t) => {
  const worker = await start(t);
  const stranger = await start(t);
  const { stackOffer } = stranger.source;
  t.is(
    await askForStacks({ ...worker.source, stackOffer: { ...stackOffer! } }, { deadlineMs: 300 }),
    undefined,
  );
  const other = spawnUnguarded('sleep', ['1000'], { stdio: 'ignore' });
  t.teardown(() => other.kill('SIGKILL'));
  const offer = { ...worker.source.stackOffer!, pid: other.pid! };
  t.is(await askForStacks({ ...worker.source, stackOffer: offer }, { deadlineMs: 300 }), undefined);
  t.is(other.signalCode, null);
});

for (const offer of [
  { signal: 9, descriptor: 1 },
  { signal: 1, descriptor: 0 },
  { signal: 15, descriptor: 5000 },
]) {
  test.serial(`an offer that is not true, ${JSON.stringify(offer)}, harms nobody`, async (t) => {
    const worker = await start(t);
    const stackOffer = { ...offer, pid: worker.channel.child.pid! };
    t.is(await askForStacks({ ...worker.source, stackOffer }, { deadlineMs: 300 }), undefined);
    t.is((await worker.channel.call(1, 'echo', 1)).value, 1);
  });
}

test.serial('the worker of a pool can be asked after its hello, by a message or by a signal', async (t) => {
  let ready!: () => void;
  const isReady = new Promise<void>((resolve) => {
    ready = resolve;
  });
  const worker = new Worker(
    1,
    {
      command: 'python3',
      args: [program],
      cwd: undefined,
      env: { ...process.env, ...env },
      guard: undefined,
      startTimeoutMs: DEADLINE_MS,
      concurrency: 1,
    },
    {
      ready,
      free: () => {},
      pong: () => {},
      leaving: () => {},
      survived: () => {},
      unwatched: () => {},
      output: ({ line }) => t.log(line),
      ended: () => {},
    },
    { slot: 0, reason: 'new' },
  );
  t.teardown(async () => {
    await worker.terminate('shut_down', 'is no longer needed', 0);
    await worker.done;
  });
  t.is(await askForStacks(worker), undefined);
  await within(isReady, 'the hello');
  const said = await askForStacks(worker, { deadlineMs: DEADLINE_MS });
  t.regex(said ?? '', /in say_stacks\n.*in run_worker\n.*hanging_worker.py", line \d+ in <module>$/s);
  await untilIdle(worker.pid!);
  const written = await askForStacks(worker, { isHung: true, deadlineMs: DEADLINE_MS });
  t.regex(written ?? '', /in run_worker/);
  t.notRegex(written ?? '', /in say_stacks/);
});

test.serial(
  'a worker that does not answer the message in half of the time is asked by the signal',
  async (t) => {
    const { source } = await start(t);
    const asks: number[] = [];
    const sayStacks = async (withinMs: number) => {
      asks.push(withinMs);
      return undefined;
    };
    const stackOffer = { ...source.stackOffer!, message: true };
    const deadlineMs = DEADLINE_MS;
    t.regex(
      (await askForStacks({ ...source, stackOffer, sayStacks }, { deadlineMs })) ?? '',
      /in run_worker/,
    );
    t.deepEqual(asks, [deadlineMs / 2]);
    const onlyByMessage = { pid: stackOffer.pid, message: true };
    t.is(await askForStacks({ ...source, stackOffer: onlyByMessage, sayStacks }, { deadlineMs }), undefined);
    t.is(asks[1], deadlineMs);
  },
);
