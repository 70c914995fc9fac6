import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { Batch } from '../demo/batches.js';
import { type Call, callFaults, parseLedger } from '../demo/calls.js';
import { type Drain, drainFaults } from '../demo/drain.js';
import { guardedFaults } from '../demo/guarded-kill.js';
import { PROCESSES, WORKERS } from '../demo/layers.js';
import { type Restart, restartFaults } from '../demo/rolling-restart.js';
import { unguardedFaults } from '../demo/unguarded-kill.js';
import type { Snapshot } from '../lib/admin/messages.js';
import { until, within } from './helpers/deadline.js';
import { fixture } from './helpers/fixtures.js';
import { lockMachine } from './helpers/machine-lock.js';

test.before(() => lockMachine('sweep'));

const DEMO = fileURLToPath(new URL('../demo/main.js', import.meta.url));

// The demo's programs take the machine for themselves: one at a time.
test.serial('the demo keeps its promises, and leaves neither processes nor files', async (t) => {
  const demo = new Demo(t, {});
  t.is(await demo.end(), 0, demo.printed);
  t.regex(demo.printed, /\d+ calls, each answered, and each run once, by 3 workers/);
  t.regex(demo.printed, /fewest workers ready in [\d,]+ looks +2 of 3/);
  t.regex(demo.printed, /\{drained: 3, killed: 0, survivors: 0, durationMs: \d+\}/);
  t.regex(demo.printed, /All 12 locks are released: 0 survivors/);
  t.regex(demo.printed, /All 9 grandchildren survived/);
  t.deepEqual(demo.files(), []);
});

test.serial(
  'the demo fails where nothing ends the trees, and leaves neither processes nor files',
  async (t) => {
    const demo = new Demo(t, { PROCGUARD_DISABLE: 'keeper' });
    t.is(await demo.end(), 1, demo.printed);
    t.regex(demo.printed, /✘ What guarded the trees was none, not mark/);
    t.regex(demo.printed, /✘ Still there after 5000 ms: .*plain-/);
    t.regex(demo.printed, /Not as promised/);
    t.deepEqual(demo.files(), []);
  },
);

test.serial('the demo fails where there is no guard', async (t) => {
  const demo = new Demo(t, { PROCGUARD_DISABLE: 'platform' });
  t.is(await demo.end(), 1, demo.printed);
  t.regex(demo.printed, /This platform has no guard yet/);
  t.deepEqual(demo.files(), []);
});

test.serial('the demo says how it is used when it is asked, and when an option is misspelled', async (t) => {
  const asked = new Demo(t, {}, ['--help']);
  t.is(await asked.end(), 0, asked.printed);
  t.regex(asked.printed, /^usage: npm run demo/);
  const misspelled = new Demo(t, {}, ['--dashbord']);
  t.is(await misspelled.end(), 1, misspelled.printed);
  t.regex(misspelled.printed, /Unknown option '--dashbord'[\s\S]*usage: npm run demo/);
  t.notRegex(misspelled.printed, /at main/);
});

for (const moment of ['2. A rolling restart', 'Guard off, for comparison']) {
  test.serial(`a Ctrl-C at "${moment}" leaves neither processes nor files`, async (t) => {
    const demo = new Demo(t, {});
    await demo.prints(moment);
    demo.interrupt();
    t.is(await demo.end(), 1, demo.printed);
    t.deepEqual(demo.files(), []);
  });
}

test.serial('the demo shows its pool at work on a page until a Ctrl-C, and leaves nothing', async (t) => {
  const demo = new Demo(t, {}, ['--dashboard']);
  await demo.prints('Ctrl-C ends it');
  const [, url, token] = /(http:\S+)#token=(\S+)/.exec(demo.printed)!;
  t.is((await fetch(`${url}healthz`)).status, 200);
  await demo.prints('kill -9');
  const state = await until(async () => {
    const answer = await fetch(`${url}api/state`, { headers: { authorization: `Bearer ${token}` } });
    const { pools, workers } = (await answer.json()) as Snapshot;
    return workers.some(({ restarts }) => restarts > 0) ? { pools, workers } : undefined;
  }, 'the worker that was killed to be replaced');
  t.is(state.workers.length, WORKERS);
  t.true(state.pools[0]!.succeeded > 0);
  demo.interrupt();
  t.is(await demo.end(), 0, demo.printed);
  t.deepEqual(demo.files(), []);
});

/** The demo in a process of its own, with a folder of its own for temporary files. */
class Demo {
  printed = '';
  readonly #folder = mkdtempSync(join(tmpdir(), 'procguard-test-demo-'));
  readonly #process: ChildProcess;
  readonly #closed: Promise<unknown[]>;
  #wake = () => {};

  constructor(t: ExecutionContext, env: NodeJS.ProcessEnv, args: readonly string[] = []) {
    this.#process = spawn(process.execPath, [DEMO, ...args], {
      env: { ...process.env, ...env, TMPDIR: this.#folder },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#process.stdout!, this.#process.stderr!]) {
      stream.setEncoding('utf8').on('data', (text) => {
        this.printed += text;
        this.#wake();
      });
    }
    this.#closed = once(this.#process, 'close');
    t.teardown(async () => {
      this.#process.kill('SIGKILL');
      await this.#closed;
      rmSync(this.#folder, { recursive: true, force: true });
    });
  }

  prints(text: string): Promise<void> {
    const printed = new Promise<void>((resolve) => {
      this.#wake = () => {
        if (this.printed.includes(text)) resolve();
      };
      this.#wake();
    });
    return within(printed, `the demo to print "${text}"`, 100_000);
  }

  interrupt(): void {
    this.#process.kill('SIGINT');
  }

  async end(): Promise<number | null> {
    const [code] = await within(this.#closed, 'the end of the demo', 150_000);
    return code as number | null;
  }

  /** What is left of its files: a folder stays when the lock of one of its processes is still held. */
  files(): string[] {
    return readdirSync(this.#folder);
  }
}

const batch = new Batch([fixture('count-sigterm.py')]);
const right: Call[] = [1, 2].map((number) => ({ number, batch, answer: batch.words }));
const [first, second] = right as [Call, Call];
const ledger = parseLedger('1 11\n2 21\n');

test('calls that are answered rightly and run once are accepted', (t) => {
  t.deepEqual(callFaults(right, ledger), []);
});

const wrongCalls: Record<string, [calls: Call[], ledger: string, fault: RegExp]> = {
  'that nobody made': [[], '', /No call was made/],
  'that fail': [
    [first, { number: 2, batch, error: new Error('why') }],
    '1 11\n2 21\n',
    /1 of 2 calls failed.*why/,
  ],
  'that get no answer': [[first, { number: 2, batch }], '1 11\n2 21\n', /1 of 2 calls got no answer/],
  'that get a wrong answer': [
    [first, { ...second, answer: new Map([...batch.words, ['one-more', 1]]) }],
    '1 11\n2 21\n',
    /1 of 2 calls got a wrong answer/,
  ],
  'that run nowhere': [right, '1 11\n', /1 of 2 calls ran in no worker/],
  'that run twice': [right, '1 11\n2 21\n2 22\n', /1 of 2 calls ran more than once/],
};
for (const [name, [calls, text, fault]] of Object.entries(wrongCalls)) {
  test(`calls ${name} are refused`, (t) => {
    const faults = callFaults(calls, parseLedger(text));
    t.is(faults.length, 1);
    t.regex(faults[0]!, fault);
  });
}

const restart: Restart = {
  calls: right,
  ledger,
  before: [11, 12, 13],
  after: [21, 22, 23],
  fewestReady: WORKERS - 1,
  alive: PROCESSES,
  held: [],
};
refuses('a restart', restart, restartFaults, {
  'that loses a call': [{ calls: [first, { number: 2, batch }] }, /got no answer/],
  'that keeps a worker': [{ after: [21, 22, 13] }, /Not replaced: 13/],
  'that leaves a worker out': [{ after: [21, 22] }, /2 workers, not 3/],
  'without load': [{ ledger: parseLedger('1 11\n2 12\n') }, /there was no load/],
  'that takes two workers away at once': [{ fewestReady: WORKERS - 2 }, /only 1 of 3/],
  'whose old workers had not all been there': [{ alive: PROCESSES - 1 }, /Only 11 of 12/],
  'that leaves an old process behind': [{ held: ['11'] }, /Still there of the old workers: pid 11/],
});

const report = { drained: WORKERS, killed: 0, survivors: 0, abandoned: 0, durationMs: 100 };
const drained: Drain = {
  calls: right,
  ledger,
  inFlight: 1,
  queued: 1,
  ended: 2,
  report,
  alive: PROCESSES,
  held: [],
  left: PROCESSES,
};
refuses('a drain', drained, drainFaults, {
  'that drops a call': [{ calls: [first, { number: 2, batch }] }, /got no answer/],
  'of a pool with nothing queued': [{ queued: 0 }, /proves nothing/],
  'that does not wait for a call': [{ ended: 1 }, /before 1 calls had ended/],
  'that has to kill': [{ report: { ...report, drained: 2, killed: 1 } }, /2 drained, 1 killed/],
  'with a survivor': [{ report: { ...report, survivors: 1 } }, /1 survivors/],
  'that gives a call up': [{ report: { ...report, abandoned: 1 } }, /1 calls abandoned/],
  'of processes that had not all been there': [{ alive: PROCESSES - 1 }, /Only 11 of 12/],
  'that leaves a process behind': [{ held: ['11'] }, /Still there: pid 11/],
  'after which a process had not ended by itself': [{ left: PROCESSES - 1 }, /Only 11 of 12 ended/],
});

const guarded = {
  guard: { link: 'pdeathsig', tree: 'cgroup' } as const,
  alive: PROCESSES,
  held: [],
  left: 0,
};
refuses('a guarded kill', guarded, (kill) => guardedFaults(kill, 'cgroup'), {
  'with another layer': [{ guard: { link: 'pdeathsig', tree: 'mark' } }, /was mark, not cgroup/],
  'of processes that had not all been there': [{ alive: PROCESSES - 1 }, /11 of 12 were alive/],
  'that leaves a process behind': [{ held: ['11'] }, /Still there after 5000 ms: pid 11/],
  'whose processes came to their own end': [{ left: 1 }, /1 came to their own end/],
});

const unguarded = {
  guard: { link: 'none', tree: 'none' } as const,
  alive: PROCESSES,
  workers: 0,
  stopped: 1,
  grandchildren: PROCESSES - WORKERS,
  goesOn: true,
};
refuses('an unguarded kill', unguarded, unguardedFaults, {
  'with a guard': [{ guard: { link: 'pdeathsig', tree: 'none' } }, /The guard was not off/],
  'of processes that had not all been there': [{ alive: PROCESSES - 1 }, /11 of 12 were alive/],
  'after which a running worker stays': [{ workers: 1 }, /did not notice that their host was gone: 1/],
  'that ends the stopped worker': [{ stopped: 0 }, /The stopped worker did not survive/],
  'that ends a grandchild': [{ grandchildren: PROCESSES - WORKERS - 1 }, /Only 8 of 9 grandchildren/],
  'after which nobody works': [{ goesOn: false }, /None of them went on counting/],
});

/** Tests that what was seen is accepted as it is, and refused with each of the changes, for that one fault. */
function refuses<Seen>(
  what: string,
  seen: Seen,
  faultsOf: (seen: Seen) => string[],
  changes: Record<string, [change: Partial<NoInfer<Seen>> | object, fault: RegExp]>,
): void {
  test(`${what} as promised is accepted`, (t) => t.deepEqual(faultsOf(seen), []));
  for (const [name, [change, fault]] of Object.entries(changes)) {
    test(`${what} ${name} is refused`, (t) => {
      const faults = faultsOf({ ...seen, ...change });
      t.is(faults.length, 1, faults.join('\n'));
      t.regex(faults[0]!, fault);
    });
  }
}
