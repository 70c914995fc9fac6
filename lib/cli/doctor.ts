import type { Check } from './check.js';
import { examine } from './checks.js';
import { exitCodes } from './exit-codes.js';
import { print, printJson, styled } from './output.js';

const signs = {
  ok: styled('green', 'ok     '),
  weaker: styled('yellow', 'weaker '),
  missing: styled('red', 'missing'),
};

/** `procguard doctor`: what this machine can guarantee. 1: something is missing. */
export async function doctor({ json }: { json?: boolean }): Promise<number> {
  const checks = await examine();
  const missing = checks.filter(({ state }) => state === 'missing');
  const weaker = checks.filter(({ state }) => state === 'weaker');
  const guard = missing.length > 0 ? 'incomplete' : weaker.length > 0 ? 'weaker' : 'full';
  if (json) printJson({ guard, checks });
  else {
    for (const check of checks) printCheck(check);
    print(`\n${verdicts[guard]}`);
  }
  return missing.length > 0 ? exitCodes.negative : exitCodes.ok;
}

const verdicts = {
  full: 'Full guard: whatever ends a host on this machine, its trees end with it.',
  weaker: 'Guarded, with the weaknesses above.',
  incomplete: 'Not fully guarded: see what is missing above.',
};

function printCheck({ name, state, message, remedy }: Check): void {
  print(`${signs[state]}  ${name.padEnd(9)}  ${message}`);
  if (remedy !== undefined) print(`                    → ${remedy}`);
}
