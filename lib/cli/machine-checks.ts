import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { ProcguardError } from '../errors.js';
import { addon, hasJobs } from '../guard/binding.js';
import { sweep } from '../guard/sweep.js';
import type { Check } from './check.js';

const fewProcesses = 1000;
const fewDescriptors = 1024;
// As the installer of Python names it.
const pythonName = hasJobs ? 'python' : 'python3';

/** The limit of this process's own cgroup, which its children count against. */
export function checkProcesses(): Check {
  const [limit, used] = ['pids.max', 'pids.current'].map((file) =>
    [readText(path.join(addon().ownCgroup(), file)), readText(`/sys/fs/cgroup/pids/${file}`)]
      .map((text) => Number.parseInt(text, 10))
      .find((value) => Number.isFinite(value)),
  );
  if (limit === undefined || used === undefined)
    return { name: 'processes', state: 'ok', message: 'no limit of the cgroup' };
  const message = `${used} of ${limit} processes and threads are in use`;
  if (limit - used >= fewProcesses) return { name: 'processes', state: 'ok', message };
  return {
    name: 'processes',
    state: 'weaker',
    message: `${message}: when there are no more, neither a child nor a keeper can be started.`,
    remedy: 'Raise the limit: TasksMax= for a systemd unit, --pids-limit for a container.',
  };
}

export function checkDescriptors(): Check {
  const found = /^Max open files\s+(\d+)/m.exec(readText('/proc/self/limits'))?.[1];
  const message =
    found === undefined ? 'no limit known' : `${found} open files; each guarded child takes one`;
  if (found === undefined || Number(found) >= fewDescriptors) return { name: 'files', state: 'ok', message };
  return {
    name: 'files',
    state: 'weaker',
    message,
    remedy: 'Raise it: ulimit -n, or LimitNOFILE= for a unit.',
  };
}

export async function checkOrphans(): Promise<Check> {
  try {
    const { found, cgroups } = await sweep({ dryRun: true });
    if (found.length === 0 && cgroups.length === 0) return { name: 'orphans', state: 'ok', message: 'none' };
    return {
      name: 'orphans',
      state: 'weaker',
      message: `${found.length} processes and ${cgroups.length} cgroups of dead hosts are left.`,
      remedy: 'End them: procguard sweep.',
    };
  } catch (error) {
    if (!(error instanceof ProcguardError)) throw error;
    return { name: 'orphans', state: 'missing', message: error.message, remedy: 'Mount /proc.' };
  }
}

export async function checkPython(): Promise<Check> {
  const script = 'import sys; print(*sys.version_info[:2], sys.executable)';
  try {
    const { stdout } = await promisify(execFile)(pythonName, ['-c', script], { timeout: 10_000 });
    const [major, minor, ...file] = stdout.trim().split(' ');
    const message = `Python ${major}.${minor}, ${file.join(' ')}`;
    if (Number(major) === 3 && Number(minor) >= 9) return { name: 'python', state: 'ok', message };
    return { name: 'python', state: 'weaker', message, remedy: 'Workers in Python need 3.9 or later.' };
  } catch (error) {
    const { code, message, stderr = '' } = error as NodeJS.ErrnoException & { stderr?: string };
    const why = stderr.trim().split('\n').at(-1) || message.split('\n')[0];
    return {
      name: 'python',
      state: 'weaker',
      message:
        code === 'ENOENT'
          ? `There is no ${pythonName} on the PATH: no worker in Python can be started by that name.`
          : `${pythonName} on the PATH can't be run (${why}): no worker in Python can be started by that name.`,
      remedy: 'Install Python 3.9 or later, or give pools the path of another one.',
    };
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
