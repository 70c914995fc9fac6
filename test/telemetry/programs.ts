import { spawnSync } from 'node:child_process';

function isInstalled(program: string): boolean {
  return spawnSync(program, ['--version']).status === 0;
}

/** Debian's package `prometheus` has both. */
export const hasPromtool = isInstalled('promtool');
export const hasPrometheus = isInstalled('prometheus');
