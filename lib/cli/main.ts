import { Command, CommanderError } from 'commander';
import { ProcguardError } from '../errors.js';
import { defineCommands } from './commands.js';
import { exitCodes } from './exit-codes.js';
import { complain } from './output.js';

/** Does what the arguments, those after the script's name, ask for, and sets the exit code of this process. */
export async function main(argv: readonly string[]): Promise<void> {
  // What `run` starts has this stdout, in the mode in which it is.
  if (argv[0] !== 'run') process.stdout.on('error', endQuietly);
  const program = defineCommands(new Command(), (code) => {
    process.exitCode = code;
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    process.exitCode = exitCodeOf(error);
  }
}

// A reader that has gone, such as `head`, is no error.
function endQuietly(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
}

function exitCodeOf(error: unknown): number {
  // It has said what it had to say.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  if (!(error instanceof ProcguardError)) throw error;
  complain(`${error.message} (${error.code})`);
  switch (error.code) {
    case 'ERR_PROCGUARD_ADDON_UNAVAILABLE':
    case 'ERR_PROCGUARD_PLATFORM_UNSUPPORTED':
      return exitCodes.unavailable;
    case 'ERR_PROCGUARD_INVALID_OPTION':
      return exitCodes.usage;
    default:
      return exitCodes.system;
  }
}
