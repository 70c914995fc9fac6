/** Measures for `npm run bench -- requests`: all contenders with one number of workers and one kind of payload. */
import { within } from '../deadline.js';
import { type HostTraces, ownTraces } from '../host-traces.js';
import { p50, p99 } from '../quantile.js';
import { Block, type BlockPlan, type BlockSamples } from './block.js';
import { type Contender, LeftOut, type Setting } from './contender.js';
import { echo } from './echo.js';
import { forkIpc } from './fork.js';
import { grpc } from './grpc.js';
import { pool } from './pool.js';
import { pythonShell, pythonShellRun } from './python-shell.js';
import { pythonia, pythoniaText } from './pythonia.js';

export interface HostPlan extends Setting {
  rounds: number;
  /** One for each number of calls in flight. */
  blocks: BlockPlan[];
}

export interface Figures {
  contender: string;
  /** What was asked for. */
  inFlight: number;
  /** The most that it had, if that is less. */
  atMost?: number | undefined;
  calls: number;
  /** The median of the blocks. */
  callsPerS: number;
  p50Ms: number;
  p99Ms: number;
}

export interface HostFigures {
  figures: Figures[];
  leftOut: { contender: string; why: string }[];
  traces: HostTraces;
}

const START_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 15_000;
const CONTENDERS = [pool, echo, forkIpc, grpc, pythonia, pythoniaText, pythonShell, pythonShellRun];

// stdin ends with the bench: a host whose bench died first ends too, and so do its workers.
process.stdin.resume().once('end', () => process.exit(1));

const answer = JSON.stringify(await main(JSON.parse(process.argv[2] as string)));
// pythonia keeps a timer, and nothing else is left to wait for.
process.stdout.write(answer, () => process.exit(0));

async function main(plan: HostPlan): Promise<HostFigures> {
  const leftOut: HostFigures['leftOut'] = [];
  const running: Contender[] = [];
  try {
    for (const make of CONTENDERS) {
      const contender = make(plan);
      running.push(contender);
      const why = await start(contender);
      if (why === undefined) continue;
      leftOut.push({ contender: contender.name, why });
      await stop(contender);
      running.pop();
    }
    return { figures: await measure(plan, running), leftOut, traces: ownTraces() };
  } finally {
    await Promise.all(running.map(stop));
  }
}

/** Returns why it is left out, if it is. */
async function start(contender: Contender): Promise<string | undefined> {
  try {
    const isStarted = await within(
      START_LIMIT_MS,
      contender.start().then(() => true),
    );
    if (!isStarted) throw new Error(`${contender.name} did not start in time`);
    return undefined;
  } catch (error) {
    if (error instanceof LeftOut) return error.message;
    throw error;
  }
}

async function stop(contender: Contender): Promise<void> {
  await within(STOP_LIMIT_MS, contender.stop());
}

/** The contenders take turns, so that whatever else the machine does falls on all. */
async function measure(plan: HostPlan, contenders: Contender[]): Promise<Figures[]> {
  const figures: Figures[] = [];
  for (const blockPlan of plan.blocks) {
    const block = new Block(plan.payload, blockPlan);
    const samples = contenders.map((): BlockSamples[] => []);
    for (let round = 0; round < plan.rounds; round++) {
      for (const [index, contender] of contenders.entries()) samples[index]?.push(await block.run(contender));
    }
    for (const [index, contender] of contenders.entries())
      figures.push(summarize(contender, blockPlan.inFlight, samples[index] as BlockSamples[]));
  }
  return figures;
}

function summarize(contender: Contender, inFlight: number, blocks: BlockSamples[]): Figures {
  const calls = blocks.flatMap((block) => block.calls);
  return {
    contender: contender.name,
    inFlight,
    atMost: contender.mostAtATime,
    calls: calls.length,
    callsPerS: p50(blocks.map((block) => (block.calls.length / block.elapsedMs) * 1000)),
    p50Ms: p50(calls),
    p99Ms: p99(calls),
  };
}
