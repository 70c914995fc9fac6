/** A host of `npm run bench -- kill`: starts its children, says so in one JSON line, and waits to be killed. */
import { guardOf, spawn } from '../lib/index.js';
import { ownTraces } from './host-traces.js';
import type { HostPlan, HostStarted } from './kill-once.js';

const plan: HostPlan = JSON.parse(process.argv[2] as string);

// stdin ends with the bench: a host that was not killed because its bench died first ends too.
process.stdin.resume().once('end', () => process.exit(1));

const children = Array.from({ length: plan.children }, () =>
  spawn(plan.command, plan.args, { stdio: ['ignore', 'ignore', 'inherit', 3, 4], guard: plan.guarded }),
);

const trees = [...new Set(children.map((child) => guardOf(child).tree))];
const started: HostStarted = { trees, traces: ownTraces() };
console.log(JSON.stringify(started));
