import test from 'ava';
import { Heartbeats } from '../../lib/health/heartbeats.js';
import type { Clock } from '../../lib/health/host-clock.js';
import { makeRandom } from '../helpers/random.js';
import { FakeLoop } from './fake-loop.js';

interface Patient {
  ping(seq: number): void;
  takeSigns(): boolean;
  readonly name: string;
  /** From here on it answers nothing. */
  hangsAtMs: number;
  /** When it was first called silent. */
  silentAtMs?: number;
}

interface Weather {
  /** Of a ping, or of its answer. */
  dropChance: number;
  /** The longest that an answer takes: later ones overtake it. */
  jitterMs: number;
  stallChancePerS: number;
  longestStallMs: number;
}

const calm: Weather = { dropChance: 0, jitterMs: 1, stallChancePerS: 0, longestStallMs: 0 };

function makeRun(
  weather: Weather,
  seed: number,
  options: { intervalMs: number; misses?: number; timeoutMs?: number },
) {
  const loop = new FakeLoop();
  const random = makeRandom(seed);
  const counts = { pings: 0, pongs: 0, misses: 0, stalls: 0 };
  const { intervalMs, misses = 3, timeoutMs = 3 * intervalMs } = options;
  const heartbeats = new Heartbeats<Patient>(
    { intervalMs, misses, timeoutMs },
    {
      pong: () => counts.pongs++,
      miss: (patient, { isLong }) => {
        counts.misses++;
        if (isLong) patient.silentAtMs ??= loop.nowMs();
      },
      stalled: () => counts.stalls++,
    },
    loop,
  );
  const admit = (name: string, hangsAtMs = Number.POSITIVE_INFINITY): Patient => {
    const ping = (seq: number) => {
      counts.pings++;
      const delayMs = random() ** 4 * weather.jitterMs;
      if (loop.nowMs() + delayMs >= patient.hangsAtMs || random() < weather.dropChance) return;
      loop.arriveAfter(delayMs, () => heartbeats.pong(patient, seq));
    };
    const patient: Patient = { name, hangsAtMs, ping, takeSigns: () => false };
    heartbeats.add(patient);
    return patient;
  };
  const live = (untilMs: number) => {
    for (let atMs = loop.nowMs(); atMs < untilMs; atMs += 1000) {
      loop.runUntil(atMs + 1000);
      if (random() < weather.stallChancePerS) {
        const stallMs = random() * weather.longestStallMs;
        // What was sent meanwhile is there when the loop goes on.
        loop.stall(stallMs);
        atMs += stallMs;
      }
    }
  };
  return { loop, heartbeats, counts, admit, live };
}

test('R2.2 a worker that misses three heartbeats in a row is silent, within three intervals and a second', (t) => {
  for (const intervalMs of [1000, 5000, 60_000]) {
    for (let part = 0; part < 20; part++) {
      const { admit, live } = makeRun(calm, part, { intervalMs });
      const healthy = admit('healthy');
      const hung = admit('hung', 2 * intervalMs + (part / 20) * intervalMs);
      live(10 * intervalMs);
      t.is(healthy.silentAtMs, undefined);
      t.true(hung.silentAtMs !== undefined && hung.silentAtMs >= hung.hangsAtMs + 2 * intervalMs);
      t.true((hung.silentAtMs as number) <= hung.hangsAtMs + 3 * intervalMs + 1000);
    }
  }
});

test('R2.4 misses and timeoutMs say when a worker is silent', (t) => {
  const patient = makeRun(calm, 1, { intervalMs: 10_000, misses: 5, timeoutMs: 50_000 });
  const late = patient.admit('late', 5000);
  patient.live(100_000);
  t.true((late.silentAtMs as number) > 45_000 && (late.silentAtMs as number) < 56_000);

  const patientToo = makeRun(calm, 1, { intervalMs: 10_000, misses: 1, timeoutMs: 60_000 });
  const later = patientToo.admit('later', 5000);
  patientToo.live(100_000);
  t.true((later.silentAtMs as number) > 55_000 && (later.silentAtMs as number) < 66_000);
});

test('a host that stands still for 20 s accuses nobody', (t) => {
  const { admit, live, loop, counts } = makeRun(calm, 1, { intervalMs: 1000 });
  const patients = Array.from({ length: 50 }, (_, n) => admit(`worker ${n}`));
  live(10_000);
  loop.stall(20_000);
  live(loop.nowMs() + 10_000);
  t.is(counts.stalls, 1);
  t.is(counts.misses, 0);
  t.deepEqual(
    patients.filter(({ silentAtMs }) => silentAtMs !== undefined),
    [],
  );
});

test('an answer that is read at the end of a stall counts from there: the silence that follows is told as long as it was', (t) => {
  const loop = new FakeLoop();
  const silences: number[] = [];
  const heartbeats = new Heartbeats(
    { intervalMs: 1000, misses: 3, timeoutMs: 3000 },
    { pong() {}, miss: (_, { silentMs }) => silences.push(silentMs), stalled() {} },
    loop,
  );
  let isFirst = true;
  const worker = {
    takeSigns: () => false,
    ping(seq: number) {
      if (!isFirst) return;
      isFirst = false;
      loop.arriveAfter(0.5, () => {
        loop.stall(20_000);
        heartbeats.pong(worker, seq);
      });
    },
  };
  heartbeats.add(worker);
  loop.runUntil(25_000);
  t.true(silences.length >= 3);
  for (const [index, silentMs] of silences.entries())
    t.true(silentMs > index * 1000 && silentMs <= (index + 2) * 1000, `${index}: ${silentMs} ms`);
});

test('R10.1 an unanswered ping is sent again, with pauses that double, before it counts as a miss', (t) => {
  const loop = new FakeLoop();
  const sentMs: number[] = [];
  const missMs: number[] = [];
  const heartbeats = new Heartbeats(
    { intervalMs: 10_000, misses: 3, timeoutMs: 30_000 },
    { pong() {}, miss: () => missMs.push(loop.nowMs()), stalled() {} },
    loop,
  );
  heartbeats.add({ ping: () => sentMs.push(loop.nowMs()), takeSigns: () => false });
  loop.runUntil(10_900);
  const pauses = sentMs.slice(1).map((ms, index) => Math.round(ms - (sentMs[index] as number)));
  t.deepEqual(pauses.slice(0, 2), [71, 143]);
  t.is(missMs.length, 1);
  t.is(Math.round((missMs[0] as number) - (sentMs[2] as number)), 286);
});

test('anything that a worker sends counts as a beat', (t) => {
  const loop = new FakeLoop();
  let misses = 0;
  let speaksUntilMs = 30_000;
  const heartbeats = new Heartbeats(
    { intervalMs: 1000, misses: 3, timeoutMs: 3000 },
    { pong() {}, miss: () => misses++, stalled() {} },
    loop,
  );
  heartbeats.add({ ping() {}, takeSigns: () => loop.nowMs() < speaksUntilMs });
  loop.runUntil(30_000);
  t.is(misses, 0);
  speaksUntilMs = 0;
  loop.runUntil(34_000);
  t.true(misses >= 3);
});

test('a thousand workers are pinged once in each interval, by one timer that wakes the host 16 times', (t) => {
  const loop = new FakeLoop();
  let wakes = 0;
  const counted: Clock = {
    nowMs: () => loop.nowMs(),
    soon: (run) => loop.soon(run),
    after: (ms, run) =>
      loop.after(ms, () => {
        wakes++;
        run();
      }),
  };
  const counts = new Map<number, number>();
  const heartbeats = new Heartbeats(
    { intervalMs: 1000, misses: 3, timeoutMs: 5000 },
    { pong() {}, miss: () => t.fail(), stalled() {} },
    counted,
  );
  for (let n = 0; n < 1000; n++) {
    const worker = {
      takeSigns: () => false,
      ping(seq: number) {
        counts.set(n, (counts.get(n) ?? 0) + 1);
        loop.arriveAfter(0.5, () => heartbeats.pong(worker, seq));
      },
    };
    heartbeats.add(worker);
  }
  loop.runUntil(1000);
  counts.clear();
  wakes = 0;
  loop.runUntil(11_000);
  t.true([...counts.values()].every((count) => count >= 9 && count <= 11));
  t.is(counts.size, 1000);
  // A beat, and one look whether all have answered.
  t.true(wakes <= 2 * 16 * 11, `${wakes} wakes`);
});

test('one hour of heartbeats with jitter, drops, reordering and stalls: no false verdict, and none missed', (t) => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 32));
  t.log(`seed ${seed}`);
  const random = makeRandom(seed);
  const weather: Weather = {
    dropChance: 0.05,
    jitterMs: 300,
    stallChancePerS: 1 / 60,
    longestStallMs: 20_000,
  };
  const hourMs = 3_600_000;
  const { admit, live, counts, loop } = makeRun(weather, seed, { intervalMs: 1000 });
  const patients = Array.from({ length: 60 }, (_, n) =>
    admit(`worker ${n}`, n % 3 === 0 ? random() * (hourMs - 120_000) : undefined),
  );
  live(hourMs);
  t.log(counts);
  for (const { name, hangsAtMs, silentAtMs } of patients) {
    if (hangsAtMs > hourMs) {
      t.is(silentAtMs, undefined, name);
    } else if (silentAtMs === undefined) {
      t.fail(`${name} was missed`);
    } else {
      const heardMs = silentAtMs - hangsAtMs - loop.stalledMs(hangsAtMs, silentAtMs);
      t.true(heardMs > 0 && heardMs <= 4000, `${name}: ${heardMs} ms`);
    }
  }
  t.true(counts.stalls > 10 && counts.misses > 60);
});
