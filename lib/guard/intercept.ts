import type { ChildProcess } from 'node:child_process';
import { subscribe } from 'node:diagnostics_channel';
import { binding, isGuardedPlatform } from './binding.js';
import { takeOver } from './handle.js';
import { mayStartChildren, type Policy, registerPolicy } from './policy.js';

// Node publishes every new ChildProcess on this channel, from its constructor, before it is started.
const channel = 'child_process';

let subscribed = false;
let everyChild = false;
let next: Policy | undefined;

/** Calls one of Node's functions so that the child it makes is guarded by `policy`. */
export function withPolicy<T>(policy: Policy, start: () => T): T {
  if (!isGuardedPlatform || (!policy.guarded && !everyChild)) return start();
  if (policy.guarded) listen();
  next = policy;
  try {
    return start();
  } finally {
    next = undefined;
  }
}

/** Guards all children from now on, whoever starts them, but those that are meant to be detached. */
export function guardEveryChild(): void {
  if (!isGuardedPlatform) return;
  listen();
  everyChild = true;
}

function listen(): void {
  // An error that a subscriber throws ends the process; the one for a missing addon belongs to the caller.
  if (mayStartChildren()) binding();
  if (subscribed) return;
  subscribed = true;
  subscribe(channel, (message) => {
    const policy = next ?? (everyChild ? registerPolicy : undefined);
    next = undefined;
    if (policy?.guarded && mayStartChildren())
      takeOver((message as { process: ChildProcess }).process, policy);
  });
}
