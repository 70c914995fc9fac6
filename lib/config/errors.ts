import { describeValue, invalidOption, ProcguardError, unknownOption } from '../errors.js';
import { nearest } from '../nearest.js';
import type { Key } from './keys.js';
import type { Origin } from './origin.js';

/** A value that is not what its key allows. It is named as it was written: by its option, or its variable. */
export function invalidValue(path: string, origin: Origin, value: unknown, allowed: string): ProcguardError {
  if (origin.source !== 'environment') return invalidOption(path, value, allowed);
  return new ProcguardError(
    'ERR_PROCGUARD_INVALID_OPTION',
    `Invalid environment variable \`${origin.variable}\`: ${describeValue(origin.text)}. Allowed: ${allowed}.`,
  );
}

export function unknownKey(path: string, value: unknown, keys: readonly Key[]): ProcguardError {
  return unknownOption(path, value, advice(path, keys));
}

function advice(path: string, keys: readonly Key[]): string {
  const meant = nearest(
    path,
    keys.map((key) => key.path),
  );
  const key = keys.find((candidate) => candidate.path === meant);
  if (key !== undefined) return `Did you mean \`${key.path}\` (${key.allowed})?`;
  const group = path.slice(0, Math.max(0, path.lastIndexOf('.')));
  const siblings = keys.filter(({ segments }) => segments.slice(0, -1).join('.') === group);
  return `Those that there are: ${siblings.map((sibling) => `\`${sibling.path}\``).join(', ')}.`;
}
