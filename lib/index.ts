export { ProcguardError } from './errors.js';
export { type KillTreeOptions, type KillTreeReport, killTree } from './guard/kill-tree.js';
export type { GuardOptions } from './guard/policy.js';
export { type Capabilities, capabilities, type Downgrade, type Guard, guardOf } from './guard/report.js';
export { exec, execFile, fork, spawn } from './guard/spawn.js';
export { type SweepOptions, type SweepReport, sweep } from './guard/sweep.js';
