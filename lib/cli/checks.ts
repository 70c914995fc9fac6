import { accessSync, constants, existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { atMost, nowMs } from '../clock.js';
import { addon, addonAdvice, hasJobs, isGuardedPlatform, keeperProgram } from '../guard/binding.js';
import type { Capabilities } from '../guard/guarantees.js';
import { capabilities, guardOf } from '../guard/report.js';
import { allowToExecute } from '../guard/report-linux.js';
import { spawn } from '../guard/spawn.js';
import type { Check } from './check.js';
import { checkDescriptors, checkOrphans, checkProcesses, checkPython } from './machine-checks.js';

const keeperPatienceMs = 3000;
const lookEveryMs = 10;

/** Looks at all that the guard depends on; makes this process a host for it. */
export async function examine(): Promise<Check[]> {
  const checks = [checkPlatform(), checkNode()];
  if (!isGuardedPlatform) return checks;
  const loaded = checkAddon();
  checks.push(loaded);
  if (loaded.state === 'missing') return checks;
  if (hasJobs) {
    const found = capabilities();
    checks.push(checkJob(found), await checkChild(found), await checkOrphans(), await checkPython());
    return checks;
  }
  const found = await awaitKeeper();
  if (addon().darwin !== undefined) {
    checks.push(await checkChild(found), checkKeeper(found));
    checks.push(await checkOrphans(), await checkPython());
    return checks;
  }
  checks.push(
    checkKernel(found),
    await checkChild(found),
    checkKeeper(found),
    checkCgroup(found),
    checkRun(),
    checkProcesses(),
    checkDescriptors(),
    await checkOrphans(),
    await checkPython(),
  );
  return checks;
}

function checkPlatform(): Check {
  const message = `${os.type()} ${os.release()}, ${process.platform}-${process.arch}`;
  if (isGuardedPlatform) return { name: 'platform', state: 'ok', message };
  return {
    name: 'platform',
    state: 'missing',
    message: `${message}: there is no guard for it yet; children are started by Node alone.`,
    remedy: 'Run on Linux, macOS or Windows, or end the children yourself.',
  };
}

function checkNode(): Check {
  const { versions } = process;
  return {
    name: 'node',
    state: 'ok',
    message: `Node ${versions.node}, Node-API ${versions.napi}, ABI ${versions.modules}`,
  };
}

function checkAddon(): Check {
  try {
    addon();
    return { name: 'addon', state: 'ok', message: path.dirname(keeperProgram()) };
  } catch (error) {
    return {
      name: 'addon',
      state: 'missing',
      message: (error as Error).message,
      remedy: addonAdvice((error as Error).cause),
    };
  }
}

async function awaitKeeper(): Promise<Capabilities> {
  const deadlineMs = nowMs() + keeperPatienceMs;
  for (;;) {
    const found = capabilities();
    const isUnsettled = found.keeper.state === 'starting' || found.keeper.state === 'restarting';
    if (!isUnsettled || nowMs() > deadlineMs) return found;
    await atMost(lookEveryMs, new Promise(() => {}));
  }
}

function checkKernel({ kernel, downgrades }: Capabilities): Check {
  const found = downgrades.find(({ code }) => code.startsWith('no_'));
  const message = Object.entries(kernel)
    .map(([name, isThere]) => `${name} ${isThere ? 'yes' : 'no'}`)
    .join(', ');
  if (found === undefined) return { name: 'kernel', state: 'ok', message };
  return { name: 'kernel', state: 'weaker', message: `${message}. ${found.message}`, remedy: found.remedy };
}

/** A child is really started: what holds for it is what holds. */
async function checkChild({ tree }: Capabilities): Promise<Check> {
  const child = hasJobs
    ? spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)'], { stdio: 'ignore' })
    : spawn('sleep', ['60'], { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) =>
    child.once('exit', () => resolve()).once('error', () => resolve()),
  );
  const guard = guardOf(child);
  child.kill('SIGKILL');
  await ended;
  const message = `link ${guard.link}, tree ${guard.tree}`;
  if (guard.link !== 'none' && guard.tree === tree) return { name: 'child', state: 'ok', message };
  const [downgrade] = guard.downgrades;
  return {
    name: 'child',
    state: guard.link === 'none' ? 'missing' : 'weaker',
    message: `${message}. ${downgrade?.message ?? ''}`,
    remedy: downgrade?.remedy ?? '',
  };
}

function checkJob({ tree, downgrades: [downgrade] }: Capabilities): Check {
  if (tree === 'job-object')
    return { name: 'job', state: 'ok', message: 'one for each child, ended by Windows with its host' };
  return {
    name: 'job',
    state: 'missing',
    message: downgrade?.message ?? 'none can be made',
    remedy: downgrade?.remedy ?? '',
  };
}

function checkKeeper({ keeper, downgrades }: Capabilities): Check {
  if (keeper.state === 'running') return { name: 'keeper', state: 'ok', message: `runs, pid ${keeper.pid}` };
  const found = downgrades.find(({ code }) => code.startsWith('keeper_'));
  return {
    name: 'keeper',
    state: 'missing',
    message: found?.message ?? `It is ${keeper.state}, and did not get ready within ${keeperPatienceMs} ms.`,
    remedy: found?.remedy ?? 'Look for procguard-keeper in the system log.',
  };
}

function checkCgroup({ cgroup, downgrades }: Capabilities): Check {
  if (cgroup !== undefined) return { name: 'cgroup', state: 'ok', message: cgroup };
  const found = downgrades.find(({ code }) => code.startsWith('cgroup_'));
  return {
    name: 'cgroup',
    state: 'weaker',
    message: found?.message ?? 'none',
    remedy: found?.remedy ?? '',
  };
}

function checkRun(): Check {
  const program = path.join(path.dirname(keeperProgram()), 'procguard-run');
  try {
    accessSync(program, constants.X_OK);
    return { name: 'run', state: 'ok', message: program };
  } catch {
    return {
      name: 'run',
      state: 'missing',
      message: `${program} is missing or may not be executed: procguard run can't work.`,
      remedy: existsSync(program) ? allowToExecute(program) : 'Build it: npm rebuild procguard.',
    };
  }
}
