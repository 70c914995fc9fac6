import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test, { type ExecutionContext } from 'ava';
import { until, within } from '../helpers/deadline.js';
import { fixture as program, ROOT } from '../helpers/fixtures.js';
import { type Life, Lifelines } from '../helpers/lifelines.js';
import { fixture, temporaryFolder } from './pools.js';

interface HostOptions {
  pools?: number;
  handle?: boolean;
  takeBack?: boolean;
  own?: boolean;
  /** Its worker ignores SIGTERM. */
  stubborn?: boolean;
  /** Says what it does to end processes. */
  debug?: boolean;
  /** Run as pid 1 of a pid namespace. */
  first?: boolean;
}

/** A host of pools at work, with everything that proves its processes' ends. */
class SignalHost implements AsyncDisposable {
  readonly lines: string[] = [];
  /** A connection of each worker, and of a process that each worker has started in a session of its own. */
  lives: Life[] = [];
  readonly #child: ChildProcess;
  readonly #ended: Promise<[number | null, NodeJS.Signals | null]>;
  #wake = () => {};

  private constructor(
    private readonly lifelines: Lifelines,
    private readonly gates: readonly string[],
    { first = false, debug = false, ...options }: HostOptions,
  ) {
    const names = gates.map((_, n) => `child-${n}`);
    const life = {
      path: lifelines.path,
      program: lifelines.program,
      arguments: names.map((name) => lifelines.arguments(name)),
    };
    const settings = { pools: gates.length, gates, life, worker: fixture('worker.py'), ...options };
    const command = [process.execPath, program('signal-host.mjs'), JSON.stringify(settings)];
    if (first) command.unshift('unshare', '--pid', '--fork', '--mount-proc');
    this.#child = spawn(command[0] as string, command.slice(1), {
      cwd: ROOT,
      // The kernel ends a pid namespace before the keeper can remove its cgroup.
      env: {
        ...process.env,
        ...(first ? { PROCGUARD_DISABLE: 'cgroup' } : {}),
        ...(debug ? { NODE_DEBUG: 'procguard' } : {}),
      },
      stdio: ['ignore', 'pipe', debug ? 'pipe' : 'inherit', 'ipc'],
    });
    this.#ended = once(this.#child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
    for (const input of [this.#child.stdout, this.#child.stderr]) {
      if (input === null) continue;
      createInterface({ input }).on('line', (line) => {
        this.lines.push(line);
        this.#wake();
      });
    }
    this.#child.on('error', () => {});
  }

  static async start(t: ExecutionContext, options: HostOptions = {}): Promise<SignalHost> {
    const folder = temporaryFolder(t);
    const gates = Array.from({ length: options.pools ?? 1 }, (_, n) => join(folder, `gate-${n}`));
    const lifelines = await Lifelines.open();
    const host = new SignalHost(lifelines, gates, options);
    await host.says('ready');
    for (const n of gates.keys()) {
      await host.says(`${n} waiting`);
      host.lives.push(...(await lifelines.takeAll([`worker-${n}`, `child-${n}`])));
    }
    return host;
  }

  async says(line: string): Promise<void> {
    const heard = async () => {
      while (!this.lines.includes(line)) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    };
    try {
      await within(heard(), `the host to say "${line}"`);
    } catch (cause) {
      throw new Error(`It said only: ${this.lines.join('\n')}`, { cause });
    }
  }

  send(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  tell(message: string | { closeNow: readonly NodeJS.Signals[] }): void {
    this.#child.send(message);
  }

  /** Asks for a call until one is refused: the host has taken its signal. Calls that are taken wait behind the others. */
  async refuses(): Promise<void> {
    await until(() => {
      this.tell('call');
      return this.lines.includes('new rejected ERR_PROCGUARD_POOL_CLOSED') ? true : undefined;
    }, 'a call to be refused');
  }

  /** What the host had to do when this was called is done. */
  async turn(): Promise<void> {
    const refused = () => this.lines.filter((line) => line.startsWith('new rejected')).length;
    const before = refused();
    this.tell('call');
    await until(() => (refused() > before ? true : undefined), 'another call to be refused');
  }

  open(n: number): void {
    writeFileSync(this.gates[n] as string, '');
  }

  async ended(): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    const [code, signal] = await within(this.#ended, 'the host to end');
    return { code, signal };
  }

  /** All processes are gone. Those that were verified to be gone before the host ended are gone by now. */
  async gone(): Promise<void> {
    await Promise.all(this.lives.map((life) => life.gone()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
    await this.lifelines[Symbol.asyncDispose]();
  }
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal}: what runs and what waits is finished, what is new refused, all is gone, and the host ends by it`, async (t) => {
    await using host = await SignalHost.start(t, { handle: true });
    host.send(signal);
    await host.refuses();
    t.false(host.lines.some((line) => line.endsWith('answered')));
    host.open(0);
    t.deepEqual(await host.ended(), { code: null, signal });
    t.true(host.lines.includes('0 running answered'));
    t.true(host.lines.includes('0 queued answered'));
    await host.gone();
  });

  test(`${signal} again: the drain is over at once`, async (t) => {
    await using host = await SignalHost.start(t, { handle: true });
    host.send(signal);
    await host.refuses();
    host.send(signal);
    t.deepEqual(await host.ended(), { code: null, signal });
    t.true(host.lines.includes('0 running rejected ERR_PROCGUARD_WORKER_DIED'));
    t.true(host.lines.includes('0 queued rejected ERR_PROCGUARD_POOL_CLOSED'));
    await host.gone();
  });

  for (const options of [{}, { handle: true, takeBack: true }]) {
    test(`${signal} ends a host at once that has ${options.handle ? 'taken handleSignals() back' : 'not called handleSignals()'}`, async (t) => {
      await using host = await SignalHost.start(t, options);
      t.true(host.lines.includes('0 listeners'));
      host.send(signal);
      t.deepEqual(await host.ended(), { code: null, signal });
      t.false(host.lines.some((line) => /answered|rejected/.test(line)));
      await host.gone();
    });
  }
}

test('a host with two pools ends when both are drained', async (t) => {
  await using host = await SignalHost.start(t, { handle: true, pools: 2 });
  host.send('SIGTERM');
  await host.refuses();
  host.open(0);
  host.tell('close');
  await host.says('0 closed');
  for (let n = 0; n < 3; n++) await host.turn();
  host.open(1);
  t.deepEqual(await host.ended(), { code: null, signal: 'SIGTERM' });
  for (const n of [0, 1]) {
    t.true(host.lines.includes(`${n} running answered`));
    t.true(host.lines.includes(`${n} queued answered`));
  }
  await host.gone();
});

test('a host with a handler of its own ends as that says, and the handler runs once', async (t) => {
  await using host = await SignalHost.start(t, { handle: true, own: true });
  host.send('SIGTERM');
  await host.refuses();
  host.open(0);
  t.deepEqual(await host.ended(), { code: 7, signal: null });
  t.is(host.lines.filter((line) => line === 'own handler').length, 1);
  await host.gone();
});

// Not how long it took: on a busy machine to kill at once takes its seconds, too.
for (const [when, signals] of [
  ['after 3 seconds', ['SIGTERM']],
  ['at once', ['SIGTERM', 'SIGINT']],
] as const) {
  test(`R10.4 a worker that ignores SIGTERM is killed ${when}, when ${signals.join(' and ')} came`, async (t) => {
    await using host = await SignalHost.start(t, { handle: true, stubborn: true, debug: true });
    host.tell({ closeNow: signals });
    const { signal } = await host.ended();
    t.true(signal !== null && (signals as readonly string[]).includes(signal));
    await host.gone();
    const at = (pattern: RegExp) => host.lines.findIndex((line) => pattern.test(line));
    const told = host.lines.join('\n');
    const [term, kill, passed] = [at(/SIGTERM, \d+ ms, SIGKILL/), at(/SIGKILL at once/), at(/grace_passed/)];
    t.true(term >= 0, told);
    if (when === 'at once') {
      t.true(kill > term && (passed < 0 || kill < passed), told);
    } else {
      t.true(kill < 0 && passed > term, told);
      t.true(Number(/closed after ([\d.]+) ms/.exec(told)?.[1]) >= 2990, told);
    }
  });
}

test('SIGKILL of a host takes its workers, and what they have started in sessions of their own', async (t) => {
  await using host = await SignalHost.start(t, { handle: true, pools: 2 });
  host.send('SIGKILL');
  t.deepEqual(await host.ended(), { code: null, signal: 'SIGKILL' });
  await host.gone();
});

// To be pid 1 takes a pid namespace, and that takes privileges.
const testAsRoot = process.getuid?.() === 0 ? test : test.skip;

testAsRoot('a host that is pid 1, which no signal ends, exits', async (t) => {
  await using host = await SignalHost.start(t, { handle: true, first: true });
  host.tell('raise');
  await host.refuses();
  host.open(0);
  t.deepEqual(await host.ended(), { code: 128 + 15, signal: null });
  t.true(host.lines.includes('0 running answered'));
});
