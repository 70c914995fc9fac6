import { createRequire } from 'node:module';
import { type Command, InvalidArgumentError } from 'commander';
import { addon, hasJobs } from '../guard/binding.js';
import { refuseRun } from './refuse-run.js';
import request from './run.cjs';

const { version } = createRequire(import.meta.url)('../../../package.json') as { version: string };
const jsonOption = ['--json', 'print JSON, and nothing else, on stdout'] as const;

/** Every command with its options; `end` gets the exit code. What a command needs is loaded when it runs. */
export function defineCommands(program: Command, end: (exitCode: number) => void): Command {
  program
    .name('procguard')
    .description('Child processes that never outlive their host: run one, see them, sweep what was left.')
    .version(version)
    .exitOverride()
    .enablePositionalOptions()
    .addHelpText('after', exitCodeHelp);
  const define = (name: string, description: string) =>
    program.command(name).description(description).exitOverride().allowExcessArguments(false);

  define('run', 'run any command; when the parent of procguard dies, so does the command with its whole tree')
    .usage('[--grace <duration>] [--] <command> [argument...]')
    .option(
      '--grace <duration>',
      'SIGTERM first, SIGKILL this much later: 500ms, 5s, 1m; at most 5m',
      readDuration,
    )
    .argument('<command>')
    .argument('[argument...]')
    .passThroughOptions()
    .addHelpText('after', runHelp)
    .action(async (command, args, { grace = 0 }) => end(await run(command, args, grace)));
  define('ps', 'show the hosts of this machine with their guarded processes')
    .option(...jsonOption)
    .action(async (options) =>
      end(await requireVisibleHosts(async () => (await import('./ps.js')).ps(options))),
    );
  define('top', 'the same, live; q quits')
    .option(...jsonOption)
    .option('--count <number>', 'look so many times', readCount)
    .option('--interval <duration>', 'how often to look, 100ms to 5m', readInterval, 1000)
    .action(async ({ interval, ...options }) =>
      end(
        await requireVisibleHosts(async () =>
          (await import('./top.js')).top({ ...options, intervalMs: interval }),
        ),
      ),
    );
  define('sweep', 'end what dead hosts have left behind')
    .option('--dry-run', 'only find, kill nothing')
    .option(...jsonOption)
    .action(async (options) =>
      end(await requireGuard(async () => (await import('./sweep.js')).sweep(options))),
    );
  define('doctor', 'tell what this machine can guarantee, what is missing, and how to get it')
    .option(...jsonOption)
    .action(async (options) => end(await (await import('./doctor.js')).doctor(options)));
  define('demo', 'see a pool at work, restarted, drained, and its host killed')
    .option(...jsonOption)
    .action(async (options) => end(await (await import('./checkout.js')).demo(options)));
  define('bench', 'measure on this machine; only in a checkout')
    .argument('[argument...]', 'as for `npm run bench --`, --json among them')
    .allowUnknownOption()
    .helpOption(false)
    .action(async (args) => end(await (await import('./checkout.js')).bench(args)));
  return program;
}

// More often, top would take a processor for itself.
const leastIntervalMs = 100;

async function run(command: string, args: readonly string[], graceMs: number): Promise<number> {
  if (hasJobs) return (await import('./run-in-job.js')).runInJob(command, args, graceMs);
  const { checkPlatform } = await import('./platform.js');
  checkPlatform();
  if (addon().darwin === undefined) return refuseRun();
  return (await import('./run-with-keeper.js')).runWithKeeper(command, args, graceMs);
}

async function requireGuard(command: () => Promise<number>): Promise<number> {
  const { checkPlatform } = await import('./platform.js');
  checkPlatform();
  return command();
}

async function requireVisibleHosts(command: () => Promise<number>): Promise<number> {
  const { checkHostsAreVisible } = await import('./platform.js');
  checkHostsAreVisible();
  return command();
}

function readDuration(text: string): number {
  const ms = request.readDuration(text);
  if (ms === undefined)
    throw new InvalidArgumentError('Use a duration of at most 5m, such as 500ms, 5s or 1m.');
  return ms;
}

function readInterval(text: string): number {
  const ms = request.readDuration(text);
  if (ms === undefined || ms < leastIntervalMs)
    throw new InvalidArgumentError('Use a duration from 100ms to 5m, such as 500ms, 5s or 1m.');
  return ms;
}

function readCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new InvalidArgumentError('Use a whole number above 0.');
  return count;
}

const exitCodeHelp = `
Exit codes: 0 as asked; 1 something survived or is missing; 64 wrong usage; 69 this platform or
installation can't do it; 71 the system refused something. \`run\` ends as its command does.`;

const runHelp = `
The command has the stdin, stdout, stderr, terminal and working directory of procguard itself. Signals
are given on to it. When it ends, what it left behind is ended too, and procguard ends as it did: with its
exit code, or by its signal. 127: no such command; 126: it can't be executed.`;
