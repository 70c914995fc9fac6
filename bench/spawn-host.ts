/** The host process of `npm run bench -- spawn`: measures at one host size, prints its samples as one JSON line. */
import { type ChildProcess, spawn as nodeSpawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { binding, type GuardedProcess } from '../lib/guard/binding.js';
import { spawn as guardedSpawn } from '../lib/index.js';
import { ownTraces } from './host-traces.js';
import { makePages, type Pages, timePages } from './pages.js';
import type { CSamples, HostPlan, HostSamples, JsSamples, OneCpuSamples } from './spawn.js';

type Spawn = (file: string) => ChildProcess;
type Yardstick = ReturnType<typeof startYardstick>;

const BUFFER_BYTES = 16 * 2 ** 20;
const PROGRAM = '/bin/true';

/** How long the addon's own part of the last guarded spawn took. */
let nativeNs = 0;

await main(JSON.parse(process.argv[2] as string));

async function main(plan: HostPlan): Promise<void> {
  // Started before the host grows, so that this one fork of Node's is cheap and long past.
  const yardstick = startYardstick(plan.yardstick);
  const ballast = allocate(plan.hostMb);
  const pages = makePages(ballast[0] as Buffer);
  const node = emptySamples();
  const procguard = emptySamples();
  timeNativeSpawns();
  const c: CSamples = { bare: [], withPipes: [], exit: [] };
  const onOneCpu: OneCpuSamples = { native: [], c: { bare: [], withPipes: [], exit: [] } };

  for (let round = 0; round < plan.rounds; round++) {
    await runBlock(nodeSpawn, plan, plan.nodeCalls, pages, node);
    await runBlock(guardedSpawn, plan, plan.calls, pages, procguard);
    await runYardstickBlock(yardstick, plan, c);
    await yardstick.order('pin');
    await runNativeBlock(plan, onOneCpu.native);
    await runYardstickBlock(yardstick, plan, onOneCpu.c);
    await yardstick.order('unpin');
  }

  await yardstick.end();
  const samples: HostSamples = {
    node,
    procguard,
    c,
    onOneCpu,
    traces: ownTraces(),
    rssMb: process.memoryUsage.rss() / 2 ** 20,
    // V8 frees a Buffer that nothing uses any more, so the ballast is used here, after the last measurement.
    ballastMb: ballast.reduce((sum, buffer) => sum + buffer.length * (buffer[0] as number), 0) / 2 ** 20,
  };
  console.log(JSON.stringify(samples));
}

/** Times the addon's own part of each guarded spawn from now on. */
function timeNativeSpawns(): void {
  const addon = binding();
  addon.GuardedProcess = class extends addon.GuardedProcess {
    override spawn(...args: Parameters<GuardedProcess['spawn']>): number {
      const start = process.hrtime.bigint();
      const result = super.spawn(...args);
      nativeNs = Number(process.hrtime.bigint() - start);
      return result;
    }
  };
}

function emptySamples(): JsSamples {
  return { blocked: [], native: [], exit: [], undisturbed: [], after: [] };
}

/** Filled with ones: memory that was never written has no pages, and costs a fork nothing. */
function allocate(megabytes: number): Buffer[] {
  const buffers: Buffer[] = [];
  for (let left = megabytes * 2 ** 20; left > 0; left -= BUFFER_BYTES) {
    buffers.push(Buffer.alloc(Math.min(left, BUFFER_BYTES), 1));
  }
  return buffers;
}

async function runBlock(
  spawn: Spawn,
  plan: HostPlan,
  calls: number,
  pages: Pages,
  samples: JsSamples,
): Promise<void> {
  for (let call = 0; call < plan.dropped; call++) await timeSpawn(spawn);
  for (let call = 0; call < calls; call++) {
    const { start, returned, exited, native } = await timeSpawn(spawn);
    samples.blocked.push(Number(returned - start));
    samples.native.push(native);
    samples.exit.push(Number(exited - start));
  }
  // Calls of their own: timing the pages right after the spawn delays the exit event.
  for (let call = 0; call < plan.afterCalls; call++) {
    timePages(pages);
    samples.undisturbed.push(timePages(pages));
    const child = spawn(PROGRAM);
    samples.after.push(timePages(pages));
    await once(child, 'close');
  }
}

async function runNativeBlock(plan: HostPlan, native: number[]): Promise<void> {
  for (let call = 0; call < plan.dropped; call++) await timeSpawn(guardedSpawn);
  for (let call = 0; call < plan.calls; call++) native.push((await timeSpawn(guardedSpawn)).native);
}

async function runYardstickBlock(yardstick: Yardstick, plan: HostPlan, samples: CSamples): Promise<void> {
  for (const line of (await yardstick.order(plan.dropped + plan.calls)).slice(plan.dropped)) {
    const [bare, withPipes, exit] = line.split(' ').map(Number) as [number, number, number];
    samples.bare.push(bare);
    samples.withPipes.push(withPipes);
    samples.exit.push(exit);
  }
}

async function timeSpawn(spawn: Spawn) {
  const start = process.hrtime.bigint();
  const child = spawn(PROGRAM);
  const returned = process.hrtime.bigint();
  const native = nativeNs;
  let exited = returned;
  child.once('exit', () => {
    exited = process.hrtime.bigint();
  });
  await once(child, 'close');
  return { start, returned, exited, native };
}

function startYardstick(program: string) {
  const child = nodeSpawn(program, [PROGRAM], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const exited = once(child, 'exit');
  return {
    /** A number of calls, or where to run: see posix-spawn.c. Returns the answer's lines. */
    async order(order: number | 'pin' | 'unpin'): Promise<string[]> {
      child.stdin.write(`${order}\n`);
      const answer: string[] = [];
      while (answer.length < (typeof order === 'number' ? order : 1)) {
        const { value, done } = await lines.next();
        if (done) throw new Error('The posix_spawn program ended too early');
        answer.push(value);
      }
      return answer;
    },
    async end(): Promise<void> {
      child.stdin.end();
      await exited;
    },
  };
}
