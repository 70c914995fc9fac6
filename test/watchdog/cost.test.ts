import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { until } from '../helpers/deadline.js';
import { Lifelines } from '../helpers/lifelines.js';
import { childCount, privateBytes, processGone, readProc, readStat } from '../helpers/proc.js';
import { type Dog, shells, startHost } from './hosts.js';

/** How often it gave up the processor, or lost it: a process that is never run has the same number afterwards. */
function switchesOf(pid: number): string[] {
  return (readProc(pid, 'status') ?? '').split('\n').filter((line) => line.includes('ctxt_switches'));
}

function cpuTicksOf(pid: number): number {
  const stat = readProc(pid, 'stat') ?? '';
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

for (const shell of shells) {
  const name = shell.join(' ');

  test.serial(
    `R4.4 a watchdog has less than 1 MB of its own, and is not run at all while it waits (${name})`,
    async (t) => {
      await using lifelines = await Lifelines.open();
      const host = await startHost(t, lifelines, { name: 'worker', dog: { shell } });
      const dog = host.dogs[0]!;
      // It says that it watches, and sleeps when it reads.
      await until(() => (readStat(dog)?.state === 'S' ? true : undefined), 'the watchdog to wait');
      const before = { switches: switchesOf(dog), ticks: cpuTicksOf(dog) };
      t.is(before.switches.length, 2);
      await sleep(2000);
      t.deepEqual({ switches: switchesOf(dog), ticks: cpuTicksOf(dog) }, before);
      t.is(childCount(dog), 0);
      const bytes = privateBytes(dog);
      t.true(bytes < 1024 * 1024, `${bytes} bytes`);
      t.log(`${bytes / 1024} KB`);
      host.process.kill('SIGKILL');
      await processGone(dog);
    },
  );

  for (const stdin of ['pipe', 'ignore'] as const) {
    const how = stdin === 'pipe' ? 'is told so' : 'has no pipe';
    test.serial(`a watchdog leaves with its worker while the host lives: it ${how} (${name})`, async (t) => {
      await using lifelines = await Lifelines.open();
      const dog: Dog = { shell, stdin };
      const host = await startHost(t, lifelines, { name: 'worker', dog }, { name: 'other' });
      host.workers[0]!.exit(0);
      await t.notThrowsAsync(processGone(host.dogs[0]!));
      await host.workers[1]!.answers();
      t.is(host.process.exitCode, null);
    });
  }
}
