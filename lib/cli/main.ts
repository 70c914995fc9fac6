import { Command, CommanderError } from 'commander';
import { ProcguardError } from '../errors.js';
import { defineCommands } from './commands.js';
import { exitCodes } from './exit-codes.js';
import { complain } from './output.js';

/** Does what the arguments, those after the script's name, ask for, and sets the exit code of this process. */
export async function main(argv: readonly string[]): Promise<void> {
  // A reader that has gone, such as `head`, is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
  const program = defineCommands(new Command(), (code) => {
    process.exitCode = code;
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    process.exitCode = exitCodeOf(error);
  }
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
