import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { within } from '../helpers/deadline.js';
import { compiledFixture, fixture, ROOT } from '../helpers/fixtures.js';
import { readProc, readStat } from '../helpers/proc.js';
import type { Plan } from './plan.js';
import { endSurvivors, findSurvivors } from './survivors.js';

/** How long anything may live after its host. */
const DEADLINE_MS = 5000;
/** How long the soak looks at descendants whose keeper was killed, and which may therefore live. */
const LOOK_MS = 250;

/** What one kill came to. */
export interface Outcome {
  plan: Plan;
  hostPid: number;
  /** How many processes had said that they run. */
  processes: number;
  /** Milliseconds from the kill until host and direct children were gone, or `undefined` if some stayed. */
  childrenGoneMs: number | undefined;
  /** The same for everything. */
  allGoneMs: number | undefined;
  keeperKilled: boolean;
  /** What stayed that should not have, one line each. */
  survivors: string[];
}

/** Starts a host, kills it as planned, and waits for the end of everything that it started. */
export async function runKill(plan: Plan, deadlineMs = DEADLINE_MS): Promise<Outcome> {
  const host = new SoakHost(plan);
  try {
    const killedAt = await host.reachAndKill();
    const deadline = killedAt + deadlineMs;
    const childrenGone = await host.children.closedBy(deadline);
    // Only a keeper that lives answers for descendants.
    const lookUntil = host.keeperKilled ? performance.now() + LOOK_MS : deadline;
    const allGone = await host.everything.closedBy(lookUntil);
    const failed = childrenGone === undefined || (allGone === undefined && !host.keeperKilled);
    return {
      plan,
      hostPid: host.pid,
      processes: host.everything.hellos,
      childrenGoneMs: childrenGone && childrenGone - killedAt,
      allGoneMs: allGone && allGone - killedAt,
      keeperKilled: host.keeperKilled,
      survivors: failed ? findSurvivors(host.tag) : [],
    };
  } finally {
    await host.end();
  }
}

class SoakHost {
  readonly pid: number;
  readonly tag: string;
  /** Held by the host and its direct children. */
  readonly children: Line;
  /** Held by the host and everything below it. */
  readonly everything: Line;
  keeperKilled = false;
  readonly #plan: Plan;
  readonly #process: ChildProcess;
  readonly #up: Promise<number>;

  constructor(plan: Plan) {
    this.#plan = plan;
    this.tag = `${process.pid}-${plan.index}`;
    const { children, descendants, thread, guard, keeperFirstMs } = plan;
    const ask = keeperFirstMs === undefined ? '' : 'ask';
    const args = [compiledFixture('life'), children, descendants.join(','), thread, guard, ask].map(String);
    this.#process = spawn(process.execPath, [fixture('soak-host.mjs'), ...args], {
      cwd: ROOT,
      env: {
        ...process.env,
        PROCGUARD_DISABLE: plan.tree === 'mark' ? 'cgroup' : '',
        PROCGUARD_SOAK: this.tag,
      },
      stdio: ['pipe', 'pipe', 'inherit', 'pipe', 'pipe'],
    });
    this.pid = this.#process.pid!;
    this.children = new Line(this.#process.stdio[3] as Socket);
    this.everything = new Line(this.#process.stdio[4] as Socket);
    this.#process.stdin!.on('error', () => {});
    const lines = createInterface({ input: this.#process.stdout! });
    this.#up = once(lines, 'line').then(([line]) => Number(String(line).split(' ')[1]));
  }

  /** Waits until the host is where the plan wants it, kills it, and returns when. */
  async reachAndKill(): Promise<number> {
    const { phase, delayMs, keeperFirstMs, children, descendants } = this.#plan;
    let keeper = 0;
    if (phase !== 'starting') keeper = await within(this.#up, 'the host to be up');
    if (phase === 'during' || phase === 'after') this.#process.stdin!.write('go\n');
    if (phase === 'after') await this.everything.hears(children * (1 + descendants.length));
    await delay(delayMs);
    if (keeperFirstMs !== undefined) {
      this.#killKeeper(keeper);
      await delay(keeperFirstMs);
    }
    const killedAt = performance.now();
    this.#process.kill('SIGKILL');
    return killedAt;
  }

  /** Ends what still holds a line, by closing the soak's end; returns when nothing does. */
  async end(): Promise<void> {
    this.#process.kill('SIGKILL');
    this.children.end();
    this.everything.end();
    const deadline = performance.now() + DEADLINE_MS;
    const [one, other] = [await this.children.closedBy(deadline), await this.everything.closedBy(deadline)];
    if (one === undefined || other === undefined) endSurvivors(this.tag);
    this.children.destroy();
    this.everything.destroy();
  }

  #killKeeper(keeper: number): void {
    // Its host lives, and so nobody else has got its pid.
    const isKeeper = readStat(keeper)?.ppid === this.pid && readProc(keeper, 'comm')?.startsWith('procguard');
    if (!isKeeper) return;
    process.kill(keeper, 'SIGKILL');
    this.keeperKilled = true;
  }
}

/** The soak's end of a socket whose other end processes have inherited: it closes when the last of them is gone. */
class Line {
  hellos = 0;
  readonly #socket: Socket;
  readonly #closed: Promise<void>;
  #closedAt: number | undefined;
  #wake = () => {};

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#closed = new Promise((resolve) =>
      socket.once('close', () => {
        this.#closedAt = performance.now();
        resolve();
      }),
    );
    socket.on('error', () => {});
    socket.setEncoding('utf8').on('data', (text) => {
      this.hellos += String(text).split('hello').length - 1;
      this.#wake();
    });
  }

  /** When it closed, or `undefined` if it is still open at `deadline`. */
  async closedBy(deadline: number): Promise<number | undefined> {
    await within(this.#closed, 'the line to close', Math.max(0, deadline - performance.now())).catch(
      () => {},
    );
    return this.#closedAt;
  }

  /** Resolves when so many processes have said that they run. */
  async hears(hellos: number): Promise<void> {
    const heard = async () => {
      while (this.hellos < hellos) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    };
    await within(heard(), `${hellos} processes to start`);
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

/** Waits `ms`, to the fraction: the moment of a kill is what the soak varies. */
async function delay(ms: number): Promise<void> {
  const end = performance.now() + ms;
  if (ms > 1) await new Promise((resolve) => setTimeout(resolve, Math.floor(ms) - 1));
  while (performance.now() < end);
}
