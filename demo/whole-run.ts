import { Bar, bad, good, grouped, say, table } from './screen.js';
import type { Session } from './session.js';
import { addUp, countHere, equal, top, total } from './words.js';

/** Lets a guarded host do all the work, and checks what came out. */
export async function finish(session: Session): Promise<boolean> {
  const started = performance.now();
  const run = session.begin({ guarded: true });
  const bar = new Bar('counting');
  await run.reaches(1, (share) => bar.grow(share));
  const code = await run.end();
  const seconds = (performance.now() - started) / 1000;
  bar.grow(run.progress);
  bar.end(`${seconds.toFixed(1)} s`);
  if (code !== 0) {
    say();
    bad(`The host ended with exit code ${code}.`);
    return false;
  }
  const words = addUp(run.results());
  const rows = top(words, 5, 5).map(([word, count]) => [word, grouped(count)]);
  table(['the most frequent words of five letters and more', 'times'], rows);
  good(`${grouped(total(words))} words, ${grouped(words.size)} different ones.`);
  if (!equal(words, countHere(session.library.files))) {
    bad('This process alone counts something else.');
    return false;
  }
  good('This process alone, in JavaScript, counts exactly the same.');
  return true;
}
