import type { BaseIssue } from 'valibot';
import { invalidOption, type ProcguardError } from '../errors.js';
import { readVariables, type Variable, warnOfUnknownVariables } from './environment.js';
import { invalidValue, unknownKey } from './errors.js';
import { type Key, poolKeys } from './keys.js';
import type { Origin, Setting } from './origin.js';
import type { PoolSettings } from './pool-options.js';
import { relate, type Values } from './relations.js';
import { type Checked, loadValibot, poolSchema } from './schema.js';

type Tree = Record<string, unknown>;

export interface Resolved {
  readonly values: Values;
  /** What `pool.config()` returns. */
  readonly settings: PoolSettings;
}

/** Options beat environment variables, which beat defaults. Throws `ERR_PROCGUARD_INVALID_OPTION`. */
export function resolve(options: unknown, environment: NodeJS.ProcessEnv = process.env): Resolved {
  const keys = poolKeys();
  if (!isTree(options)) throw invalidOption('options', options, `an object with ${topLevel(keys)}`);
  const variables = readVariables(keys, environment);
  const originOf = (path: string) => origin(path, options, variables);
  // Before the checks: a misspelled variable may be why a value is missing.
  warnOfUnknownVariables(keys, environment);
  const values = relate(check(merge(options, keys, variables), originOf), originOf);
  return { values, settings: settingsOf(keys, values as unknown as Tree, originOf) };
}

/** A copy of the options, with the variables' values where an option is not given. */
function merge(options: Tree, keys: readonly Key[], variables: ReadonlyMap<string, Variable>): Tree {
  const merged = { ...options };
  for (const { path, isGroup } of keys) {
    const group = merged[path];
    if (isGroup && isTree(group)) merged[path] = { ...group };
  }
  for (const { path, segments } of keys) {
    const variable = variables.get(path);
    if (variable === undefined || valueAt(options, path) !== undefined) continue;
    put(merged, segments, variable.value);
  }
  return merged;
}

function put(place: Tree, [name = '', ...further]: readonly string[], value: unknown): void {
  if (further.length === 0) {
    place[name] = value;
    return;
  }
  if (place[name] === undefined) place[name] = {};
  const group = place[name];
  // What isn't an object where there should be a group is left to the schema.
  if (isTree(group)) put(group, further, value);
}

function check(merged: Tree, originOf: (path: string) => Origin): Checked {
  const result = loadValibot().safeParse(poolSchema(), merged);
  if (result.success) return result.output;
  throw explain(result.issues, originOf);
}

/** The misspelled key, if there is one, rather than the one that is missing for it. */
function explain(
  issues: readonly [BaseIssue<unknown>, ...BaseIssue<unknown>[]],
  originOf: (path: string) => Origin,
): ProcguardError {
  const keys = poolKeys();
  const keyOf = (issue: BaseIssue<unknown>) => keys.find(({ path }) => path === pathOf(issue));
  const issue = issues.find((candidate) => keyOf(candidate) === undefined) ?? issues[0];
  const key = keyOf(issue);
  const value = issue.path?.at(-1)?.value;
  if (key === undefined) return unknownKey(pathOf(issue), value, keys);
  return invalidValue(key.path, originOf(key.path), value, key.allowed);
}

function pathOf({ path = [] }: { path?: readonly { key: unknown }[] | undefined }): string {
  return path.map(({ key }) => String(key)).join('.');
}

function origin(path: string, options: Tree, variables: ReadonlyMap<string, Variable>): Origin {
  if (valueAt(options, path) !== undefined) return { source: 'option' };
  const variable = variables.get(path);
  if (variable === undefined) return { source: 'default' };
  return { source: 'environment', variable: variable.variable, text: variable.text };
}

function settingsOf(keys: readonly Key[], values: Tree, originOf: (path: string) => Origin): PoolSettings {
  const settings: Record<string, Setting<unknown>> = {};
  for (const { path, isGroup, isSecret } of keys) {
    if (isGroup || isSecret) continue;
    const from = originOf(path);
    const variable = from.source === 'environment' ? { variable: from.variable } : {};
    settings[path] = Object.freeze({ value: valueAt(values, path), source: from.source, ...variable });
  }
  return Object.freeze(settings) as unknown as PoolSettings;
}

function valueAt(tree: Tree, path: string): unknown {
  let value: unknown = tree;
  for (const name of path.split('.')) value = isTree(value) ? value[name] : undefined;
  return value;
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function topLevel(keys: readonly Key[]): string {
  const names = keys.flatMap(({ path, segments }) => (segments.length === 1 ? `\`${path}\`` : []));
  return names.join(', ');
}
