import { type SkippedProcess, type SweepReport, sweep as sweepMachine } from '../guard/sweep.js';
import { exitCodes } from './exit-codes.js';
import { print, printJson, styled } from './output.js';

/** `procguard sweep`: ends what dead hosts left. 1: something is left. */
export async function sweep({ dryRun = false, json }: { dryRun?: boolean; json?: boolean }): Promise<number> {
  const report = await sweepMachine({ dryRun });
  if (json) printJson({ dryRun, ...report });
  else print(describe(report, dryRun).join('\n'));
  const left = dryRun ? report.found : report.survivors;
  return left.length === 0 ? exitCodes.ok : exitCodes.negative;
}

const reasonTexts: Record<SkippedProcess['reason'], string> = {
  host_alive: 'their host lives',
  keeper_at_work: 'a keeper is ending them',
  malformed_mark: 'their mark makes no sense',
  other_boot: 'their mark is of another boot',
  other_namespace: 'they count pids differently, as in a container',
  host_unknown: 'their host may be hidden',
  own_ancestor: 'this sweep runs in their tree',
};

function describe({ found, killed, survivors, skipped, cgroups }: SweepReport, dryRun: boolean): string[] {
  const lines = [`Orphans of dead hosts: ${list(found)}`];
  if (!dryRun) {
    lines.push(`Killed: ${list(killed)}`);
    lines.push(survivors.length === 0 ? 'Survivors: none' : styled('red', `Survivors: ${list(survivors)}`));
  }
  if (cgroups.length > 0) lines.push(`Cgroups of dead hosts: ${cgroups.join(' ')}`);
  const reasons = new Map<string, number>();
  for (const { reason } of skipped) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  for (const [reason, count] of reasons)
    lines.push(styled('dim', `Left alone: ${count} (${reasonTexts[reason as SkippedProcess['reason']]})`));
  if (dryRun && found.length > 0) lines.push('Nothing was killed. `procguard sweep` does it.');
  return lines;
}

function list(pids: readonly number[]): string {
  return pids.length === 0 ? 'none' : pids.join(' ');
}
