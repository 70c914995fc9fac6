import test from 'ava';
import { slotOf } from '../../lib/pool/affinity.js';

const keys = Array.from({ length: 20_000 }, (_, i) => `key ${i}`);
const all = () => true;
const slotsOf = (slots: number, isUsable: (slot: number) => boolean = all) =>
  keys.map((key) => slotOf(key, slots, isUsable));

test('keys are spread evenly over the slots', (t) => {
  for (const slots of [1, 7, 100]) {
    const counts = new Array<number>(slots).fill(0);
    for (const slot of slotsOf(slots) as number[]) counts[slot] = (counts[slot] ?? 0) + 1;
    const fair = keys.length / slots;
    for (const count of counts) t.true(Math.abs(count - fair) < 6 * Math.sqrt(fair), `${count} of ${fair}`);
  }
});

test('when slots are added, keys move to the new ones only, and no more than must', (t) => {
  const before = slotsOf(10);
  const after = slotsOf(12);
  const moved = after.filter((slot, i) => slot !== before[i]);
  t.true(moved.every((slot) => (slot as number) >= 10));
  t.true(Math.abs(moved.length - keys.length / 6) < 300, `${moved.length} moved`);
});

test('when a slot is not usable, only its own keys move, and not all to one', (t) => {
  const before = slotsOf(10);
  const after = slotsOf(10, (slot) => slot !== 3);
  for (const [i, slot] of after.entries()) t.is(slot, before[i] === 3 ? after[i] : before[i]);
  t.is(new Set(after.filter((_, i) => before[i] === 3)).size, 9);
});

test('the one usable slot is found, and none where there is none', (t) => {
  t.true(slotsOf(1000, (slot) => slot === 617).every((slot) => slot === 617));
  t.is(
    slotOf('key', 1000, () => false),
    undefined,
  );
});
