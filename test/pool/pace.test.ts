import { availableParallelism } from 'node:os';
import test from 'ava';
import { Pace } from '../../lib/pool/pace.js';
import { within } from '../helpers/deadline.js';

const width = 2 * availableParallelism();
const never = new Promise<void>(() => {});

/** Whether a turn comes before everything else that is ready to run has run. */
async function comesAtOnce(turn: Promise<void>): Promise<boolean> {
  return Promise.race([
    turn.then(() => true),
    new Promise<boolean>((resolve) => setImmediate(resolve, false)),
  ]);
}

test('so many begin at once, and the next when one has ended', async (t) => {
  const pace = new Pace(60_000);
  let end = () => {};
  const ends = new Promise<void>((resolve) => {
    end = resolve;
  });
  pace.begin(ends);
  for (let i = 1; i < width; i++) {
    t.true(await comesAtOnce(pace.turn()));
    pace.begin(ends);
  }
  const turn = pace.turn();
  t.false(await comesAtOnce(turn));
  end();
  await within(turn, 'a turn');
});

test('one that takes long makes room for the next', async (t) => {
  const pace = new Pace(1);
  for (let i = 0; i < width; i++) pace.begin(never);
  await within(pace.turn(), 'a turn');
  t.pass();
});
