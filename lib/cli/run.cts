import path = require('node:path');
import loader = require('../guard/load-addon.cjs');

const root = path.resolve(__dirname, '../../..');
const maxGraceMs = 300_000;
const unitsMs: Record<string, number> = { '': 1, ms: 1, s: 1000, m: 60_000 };

interface Launcher {
  exec(program: string, args: readonly string[], ownArgs: number): number;
  darwin?: { inheritedDescriptors(): number[] };
}

/** What `procguard run` was asked to do. `commandLength`: how many of the arguments, from the last, are the command. */
interface RunRequest {
  graceMs: number;
  commandLength: number;
}

/** Why this process could not be replaced, as a negative errno; 0: it was not tried. */
const failure = { errno: 0 };
/** macOS: the descriptors above 2 that the parent gave. Later, files that Node has opened are among those that are open. */
const given: { descriptors: readonly number[] } = { descriptors: [] };
const systems = ['linux', 'darwin'];

/**
 * Replaces this process by the native `procguard-run`, which starts the command. Returns false when that isn't to be, or
 * can't be: then the arguments are wrong or ask for help, or there is no native part, and others have the words for it.
 */
function replaceByRun(args: readonly string[]): boolean {
  const request = readRun(args);
  if (request === undefined || !systems.includes(process.platform)) return false;
  if ((process.env.PROCGUARD_DISABLE ?? '').split(',').includes('platform')) return false;
  const { graceMs, commandLength } = request;
  try {
    const { addon, folder } = loader.loadAddon(root);
    const { exec, darwin } = addon as Launcher;
    if (darwin !== undefined) {
      given.descriptors = darwin.inheritedDescriptors();
      return false;
    }
    const command = args.slice(args.length - commandLength);
    failure.errno = exec(
      path.join(folder, 'procguard-run'),
      ['procguard', 'run', `--grace=${graceMs}`, '--', ...command],
      commandLength,
    );
  } catch {}
  return false;
}

/** Reads `[--grace <duration>] [--] command...`; undefined: not as it should be, or not only that. */
function readRun(args: readonly string[]): RunRequest | undefined {
  let graceMs: number | undefined = 0;
  let at = 0;
  for (; args[at]?.startsWith('-') && args[at] !== '--'; at++) {
    const [option, value] = split(args[at] as string);
    if (option !== '--grace') return undefined;
    graceMs = readDuration(value ?? args[++at] ?? '');
    if (graceMs === undefined) return undefined;
  }
  if (args[at] === '--') at++;
  return at < args.length ? { graceMs, commandLength: args.length - at } : undefined;
}

/** `500ms`, `5s`, `1.5m`, or a number of milliseconds, at most five minutes; undefined: none of these. */
function readDuration(text: string): number | undefined {
  const found = /^(\d+(?:\.\d+)?)(ms|s|m|)$/.exec(text);
  if (found === null) return undefined;
  const ms = Math.round(Number(found[1]) * (unitsMs[found[2] as string] as number));
  return ms <= maxGraceMs ? ms : undefined;
}

function split(argument: string): [string, string | undefined] {
  const equals = argument.indexOf('=');
  return equals < 0 ? [argument, undefined] : [argument.slice(0, equals), argument.slice(equals + 1)];
}

export = { failure, given, replaceByRun, readRun, readDuration };
