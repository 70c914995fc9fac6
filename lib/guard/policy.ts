import { checkKeys, invalidOption } from '../errors.js';

/** How one child is guarded; the `guard` option of `spawn`, `fork`, `exec` and `execFile`. */
export interface GuardOptions {
  /**
   * What dies with the host: `'tree'` (the default), the child and all its descendants, also those that called
   * `setsid` or double-forked; or `'process'`, the child alone.
   */
  containment?: 'tree' | 'process' | undefined;
  /**
   * Milliseconds, 0 to 300000; 0 is the default. Above 0 the tree gets a `SIGTERM` when the host dies and this much
   * time before `SIGKILL`; both are then the keeper's, and the kernel sends nothing. Not possible on Windows.
   */
  graceMs?: number | undefined;
}

/** What was asked for, checked. */
export interface Policy {
  /** False: Node's own spawn, untouched. */
  readonly guarded: boolean;
  readonly containment: 'tree' | 'process';
  readonly graceMs: number;
  /** A child with `detached: true` is left to itself, as under `procguard/register`. */
  readonly sparesDetached: boolean;
  /** The child gets the host's environment besides what Node gives it; see `environment.ts`. */
  readonly inheritsEnvironment: boolean;
  /** Windows: it leads a console process group, so that it can be sent CTRL_BREAK. */
  readonly leadsConsoleGroup: boolean;
}

declare module 'node:child_process' {
  interface ProcessEnvOptions {
    /** procguard: `false` leaves the child unguarded; the default is `true`. */
    guard?: boolean | GuardOptions | undefined;
  }
}

export const maxGraceMs = 300_000;
const guardKeys = ['containment', 'graceMs'];

export const defaultPolicy: Policy = {
  guarded: true,
  containment: 'tree',
  graceMs: 0,
  sparesDetached: false,
  inheritsEnvironment: false,
  leadsConsoleGroup: false,
};
export const unguarded: Policy = { ...defaultPolicy, guarded: false };
export const registerPolicy: Policy = { ...defaultPolicy, sparesDetached: true };

/** Reads the `guard` option. Throws `ERR_PROCGUARD_INVALID_OPTION`. */
export function parsePolicy(guard: unknown): Policy {
  if (guard === undefined || guard === true) return defaultPolicy;
  if (guard === false) return unguarded;
  if (typeof guard !== 'object' || guard === null || Array.isArray(guard)) {
    throw invalidOption('guard', guard, 'true, false, an object with `containment`, `graceMs`');
  }
  checkKeys('guard', guard, guardKeys);
  const { containment = 'tree', graceMs = 0 } = guard as GuardOptions;
  if (containment !== 'tree' && containment !== 'process') {
    throw invalidOption('guard.containment', containment, "'tree', 'process'");
  }
  checkGraceMs('guard.graceMs', graceMs);
  return { ...defaultPolicy, containment, graceMs };
}

/** Throws `ERR_PROCGUARD_INVALID_OPTION` unless it is a whole number of milliseconds, at most five minutes. */
export function checkGraceMs(option: string, value: unknown): asserts value is number {
  if (!Number.isInteger(value) || (value as number) < 0 || (value as number) > maxGraceMs) {
    throw invalidOption(option, value, `a whole number of milliseconds from 0 to ${maxGraceMs}`);
  }
}

/** Whether the environment variable PROCGUARD_DISABLE, which tests use, takes this mechanism away. */
export function isDisabled(mechanism: string): boolean {
  return (process.env.PROCGUARD_DISABLE ?? '').split(',').includes(mechanism);
}

/** False under Node's permission model without `--allow-child-process`; Node's own spawn has the words for that. */
export function mayStartChildren(): boolean {
  const { permission } = process as unknown as { permission?: { has(scope: string): boolean } };
  return permission === undefined || permission.has('child');
}
