import { nearest } from '../nearest.js';
import type { Key } from './keys.js';

/** What an environment variable says about a key. */
export interface Variable {
  readonly variable: string;
  readonly text: string;
  /** The text as the key's type, or the text itself where it isn't one, which the schema then refuses. */
  readonly value: unknown;
}

// Those that a host, a pool or a test sets; see `docs/architecture.md` and `docs/protocol.md`.
export const reservedVariables = [
  'PROCGUARD_HOST',
  'PROCGUARD_HOST_PID',
  'PROCGUARD_PROTOCOL',
  'PROCGUARD_WORKER',
  'PROCGUARD_DISABLE',
];

const reported = new Set<string>();

/** The variables that are set, by key. An empty one counts as not set: that is what templates make of a missing value. */
export function readVariables(
  keys: readonly Key[],
  environment: NodeJS.ProcessEnv,
): ReadonlyMap<string, Variable> {
  const found = new Map<string, Variable>();
  for (const { path, variable, scalar } of keys) {
    const text = variable === undefined ? undefined : environment[variable];
    if (variable === undefined || text === undefined || text === '') continue;
    found.set(path, { variable, text, value: parse(text, scalar) });
  }
  return found;
}

/**
 * Warns once of each variable with our prefix that no key has. It is no error: the environment is inherited, and may
 * hold what another version of procguard in the same container understands.
 */
export function warnOfUnknownVariables(keys: readonly Key[], environment: NodeJS.ProcessEnv): void {
  const known = new Set([...reservedVariables, ...keys.flatMap(({ variable }) => variable ?? [])]);
  for (const name of Object.keys(environment)) {
    if (!name.startsWith('PROCGUARD_') || known.has(name) || reported.has(name)) continue;
    reported.add(name);
    process.emitWarning(`The environment variable \`${name}\` sets nothing. ${advice(name, keys)}`, {
      type: 'ProcguardWarning',
      code: 'PROCGUARD_UNKNOWN_VARIABLE',
    });
  }
}

function advice(name: string, keys: readonly Key[]): string {
  const paths = keys.flatMap(({ path, isGroup }) => (isGroup ? [] : path));
  const meant = nearest(name.slice('PROCGUARD_'.length), paths);
  const key = keys.find(({ path }) => path === meant);
  if (key === undefined) return 'Those that there are stand in docs/configuration.md.';
  if (key.variable === undefined) return `\`${key.path}\` can be set in code only.`;
  return `Did you mean \`${key.variable}\`?`;
}

function parse(text: string, scalar: Key['scalar']): unknown {
  if (scalar === 'number' && (/^\d+$/.test(text) || text === 'Infinity')) return Number(text);
  if (scalar === 'boolean' && (text === 'true' || text === '1')) return true;
  if (scalar === 'boolean' && (text === 'false' || text === '0')) return false;
  return text;
}
