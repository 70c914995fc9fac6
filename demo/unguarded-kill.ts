import { LockWatch } from './locks.js';
import { DEADLINE_MS, type Run } from './run.js';
import { Bar, bad, good, say } from './screen.js';
import { describeHolder, type Session } from './session.js';

/** Kills an unguarded host half-way, and proves that its processes go on: the demo itself has to end them. */
export async function killUnguarded(session: Session): Promise<boolean> {
  const watch = await LockWatch.start(session.library.python);
  const run = session.begin({ guarded: false });
  const bar = new Bar('counting');
  await run.reaches(0.5, (share) => bar.grow(share));
  await watch.watch(run.locks());
  run.kill();
  await run.end();
  const working = await goesOn(run);
  const survivors = watch.held.length;
  watch.end();
  bar.end(`✘ host ${run.hostPid} killed`);
  say();

  const text = `${survivors} of ${run.processes} processes survived their host`;
  const shown = survivors === run.processes && working;
  if (shown) good(`${text}, and went on counting for nobody.`);
  else bad(`${text}${working ? '' : ', and none went on counting'}: the comparison failed.`);
  const left = await run.cleanUp();
  if (left.length === 0) good('The demo has ended them itself, by pid and start time.');
  else bad(`The demo could not end ${left.map(describeHolder).join(', ')}`);
  return shown && left.length === 0;
}

/** Whether the processes of `run` count more files than they have now. */
async function goesOn(run: Run): Promise<boolean> {
  const counted = () => run.records().reduce((sum, { files }) => sum + files, 0);
  const before = counted();
  const end = performance.now() + DEADLINE_MS;
  while (counted() === before && performance.now() < end)
    await new Promise((resolve) => setTimeout(resolve, 2));
  return counted() > before;
}
