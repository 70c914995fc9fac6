import { statSync } from 'node:fs';
import path from 'node:path';
import { ProcguardError } from '../errors.js';

/** How a command is handed to `spawn`. */
export interface CommandPlan {
  readonly file: string;
  readonly args: readonly string[];
  /** The arguments are quoted already. */
  readonly isVerbatim: boolean;
}

const extensions = ['.com', '.exe', '.bat', '.cmd'];

/**
 * What Windows is to execute for a command as typed into its shell: a program as it is, a batch file, as `npx` is one, by
 * cmd.exe. A command that isn't found is left as it is. Throws `ERR_PROCGUARD_INVALID_OPTION`.
 */
export function planCommand(command: string, args: readonly string[]): CommandPlan {
  const file = findCommand(command);
  if (file === undefined) return { file: command, args, isVerbatim: false };
  if (!/\.(bat|cmd)$/i.test(file)) return { file, args, isVerbatim: false };
  const unsafe = args.find((arg) => /["%\r\n]/.test(arg));
  if (unsafe !== undefined) {
    throw new ProcguardError(
      'ERR_PROCGUARD_INVALID_OPTION',
      `${file} is a batch file, which can't be given the argument ${JSON.stringify(unsafe)} safely. Run the program that it starts instead.`,
    );
  }
  const line = [file, ...args].map(escapeForShell).join(' ');
  return { file: process.env.ComSpec ?? 'cmd.exe', args: ['/d', '/s', '/c', `"${line}"`], isVerbatim: true };
}

/** Whether this is how a `cmd.exe` was started that ends with the one command, or batch file, that it was given. */
export function isShellOfOneCommand(line: string): boolean {
  const [, quoted, plain] = /^\s*(?:"([^"]*)"|(\S+))/.exec(line) ?? [];
  const program = path.win32.basename(quoted ?? plain ?? '').toLowerCase();
  return (
    ['cmd', 'cmd.exe'].includes(program) && /^\s*(?:"[^"]*"|\S+)(?:\s+\/\w(?::\w+)?)*?\s+\/c/i.test(line)
  );
}

function findCommand(command: string): string | undefined {
  const hasFolder = /[\\/:]/.test(command);
  const folders = hasFolder ? [''] : searchPath();
  const names = [command, ...extensions.filter(isInPathExt).map((extension) => command + extension)];
  // Windows executes nothing without one of them.
  const files = names.filter((name) => extensions.includes(path.extname(name).toLowerCase()));
  for (const folder of folders) {
    const found = files.map((name) => path.join(folder, name)).find(isFile);
    if (found !== undefined) return found;
  }
  return undefined;
}

function searchPath(): string[] {
  const folders = (process.env.PATH ?? '').split(';').map((folder) => folder.replaceAll('"', ''));
  const here = process.env.NoDefaultCurrentDirectoryInExePath === undefined ? ['.'] : [];
  return [...here, ...folders.filter((folder) => folder !== '')];
}

function isInPathExt(extension: string): boolean {
  const list = process.env.PATHEXT ?? '.COM;.EXE;.BAT;.CMD';
  return list.toLowerCase().split(';').includes(extension);
}

function isFile(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isFile() === true;
}

// Quoted for the program at the end, and every character that means something to cmd.exe is kept from doing so: the quotes,
// too, so that none can be closed too early.
function escapeForShell(word: string): string {
  const quoted = `"${word.replace(/\\+$/, '$&$&')}"`;
  return quoted.replace(/[()[\]%!^"`<>&|;, *?]/g, '^$&');
}
