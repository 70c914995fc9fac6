import test from 'ava';
import { type Growth, MemoryGrowth } from '../../lib/health/memory-growth.js';
import { makeRandom } from '../helpers/random.js';

const mib = 1024 * 1024;
const dayMinutes = 24 * 60;

/** One sample a minute; what was told, and in which minute. */
function watch(minutes: number, mebibytesAt: (minute: number) => number) {
  const growth = new MemoryGrowth();
  const told: (Growth & { minute: number })[] = [];
  for (let minute = 0; minute < minutes; minute++) {
    const found = growth.add(mebibytesAt(minute) * mib);
    if (found !== undefined) told.push({ ...found, minute });
  }
  return told;
}

/** The same course with some noise. */
function noisy(seed: number, share: number, mebibytesAt: (minute: number) => number) {
  const random = makeRandom(seed);
  return (minute: number) => mebibytesAt(minute) * (1 + share * (random() - 0.5));
}

test('a leak of 20 MiB a minute is told once it has doubled the memory and come to 256 MiB', (t) => {
  const told = watch(60, (minute) => 100 + 20 * minute);
  t.is(told[0]!.baselineBytes, 180 * mib);
  t.true(told[0]!.nowBytes >= 2 * 180 * mib && told[0]!.nowBytes >= (180 + 256) * mib);
  t.true(told[0]!.minute < 30, `minute ${told[0]!.minute}`);
});

test('slow leaks are told too, whenever they begin and however noisy they are', (t) => {
  for (const [days, perDay, startDay] of [
    [1, 4000, 0],
    [7, 500, 0],
    [14, 500, 7],
    [7, 20_000, 6],
  ] as const) {
    for (let seed = 0; seed < 3; seed++) {
      const leak = (minute: number) => 300 + perDay * Math.max(0, minute / dayMinutes - startDay);
      const [first] = watch(days * dayMinutes, noisy(seed, 0.05, leak));
      t.true(first !== undefined, `${perDay} a day from day ${startDay}, seed ${seed}`);
      t.true(first!.minute >= startDay * dayMinutes);
    }
  }
});

test('the next is told when it has doubled again', (t) => {
  const told = watch(600, (minute) => 200 + 10 * minute);
  t.true(told.length >= 3);
  for (const [index, { baselineBytes, nowBytes }] of told.entries()) {
    t.true(nowBytes >= 2 * baselineBytes);
    if (index > 0) t.is(baselineBytes, told[index - 1]!.nowBytes);
  }
});

test('a week of memory that goes up and down, is loaded late or fills up is no leak', (t) => {
  const courses: Record<string, (minute: number) => number> = {
    level: () => 500,
    'a model that is loaded after an hour': (minute) => (minute < 60 ? 100 : 4000),
    'a cache that fills within the warm-up': (minute) => 3000 * (1 - 0.1 ** minute),
    'two models, a day apart': (minute) => 100 + (minute > 100 ? 500 : 0) + (minute > dayMinutes ? 500 : 0),
    'large requests': (minute) => (minute % 7 === 3 ? 3000 : 200),
    'a saw': (minute) => 200 + 100 * (minute % 9),
    'day and night': (minute) => 500 + 200 * Math.sin((2 * Math.PI * minute) / dayMinutes),
    'a leak of little': (minute) => 100 + (200 * minute) / (7 * dayMinutes),
    'a shrinking one': (minute) => 5000 - 0.4 * minute,
  };
  for (const [name, course] of Object.entries(courses)) {
    for (let seed = 0; seed < 3; seed++)
      t.deepEqual(watch(7 * dayMinutes, noisy(seed, 0.1, course)), [], `${name}, seed ${seed}`);
  }
});

test('memory at random levels is no leak', (t) => {
  const random = makeRandom(7);
  t.deepEqual(
    watch(7 * dayMinutes, () => 100 + 3000 * random()),
    [],
  );
});
