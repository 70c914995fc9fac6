import { Heart, type Patient } from './heart.js';
import { type Clock, HostClock, realClock } from './host-clock.js';

export interface HeartbeatOptions {
  readonly intervalMs: number;
  /** Pings in a row without an answer that make a worker silent; more, when these take less than `timeoutMs`. */
  readonly misses: number;
  readonly timeoutMs: number;
}

export interface Silence {
  /** Pings in a row without an answer. */
  readonly misses: number;
  /** Since anything was heard, on the host's clock. */
  readonly silentMs: number;
  /** As many as the options ask for. */
  readonly isLong: boolean;
}

export interface HeartbeatEvents<Subject> {
  pong(subject: Subject, latencyMs: number): void;
  /** After each ping that got no answer. */
  miss(subject: Subject, silence: Silence): void;
  /** The host's own event loop stood still for so long. */
  stalled(ms: number): void;
}

/** Hearts that beat together. */
interface Group<Subject> {
  readonly hearts: Map<Subject, Heart>;
  /** Of its last beat. */
  beatMs: number;
  /** What it does next: 0 is the beat. */
  step: number;
  /** Of the last beat's pings. */
  unanswered: number;
}

// A timer may come so much too early.
const timerGrainMs = 1;
// Enough to spread the work, and few enough that a thousand workers don't wake the host a thousand times a second.
const groupCount = 16;
// An answer takes less than a millisecond, and one that comes later still ends the misses. The rest of the second after three intervals is
// for the host, which may share its processors with a hundred workers.
const answerMs = 500;
// When an unanswered ping is sent again, as parts of the time that an answer has: the pauses double.
const retries = [1 / 7, 3 / 7];

/** Pings all workers in turn, by one timer, and says who does not answer. */
export class Heartbeats<Subject extends Patient> {
  readonly #limit: number;
  readonly #groups: readonly Group<Subject>[];
  readonly #groupOf = new Map<Subject, Group<Subject>>();
  readonly #clock: HostClock;
  /** Times after a beat: of the beat itself, of the retries, and when an answer is late. */
  readonly #steps: readonly number[];

  constructor(
    private readonly options: HeartbeatOptions,
    private readonly events: HeartbeatEvents<Subject>,
    clock: Clock = realClock,
  ) {
    this.#clock = new HostClock(clock, (ms) => events.stalled(ms));
    const { intervalMs, misses, timeoutMs } = options;
    this.#limit = Math.max(misses, Math.ceil(timeoutMs / intervalMs));
    const lateMs = Math.min(answerMs, intervalMs * 0.75);
    this.#steps = [0, ...retries.map((part) => part * lateMs), lateMs];
    const startMs = this.#clock.nowMs() - intervalMs;
    this.#groups = Array.from({ length: groupCount }, (_, index) => ({
      hearts: new Map(),
      beatMs: startMs + (intervalMs * index) / groupCount,
      step: 0,
      unanswered: 0,
    }));
  }

  add(subject: Subject): void {
    let group = this.#groups[0] as Group<Subject>;
    for (const other of this.#groups) if (other.hearts.size < group.hearts.size) group = other;
    if (group.hearts.size === 0) this.#catchUp(group);
    group.hearts.set(subject, new Heart(subject, this.#clock.nowMs()));
    this.#groupOf.set(subject, group);
    this.#sleep();
  }

  remove(subject: Subject): void {
    this.#groupOf.get(subject)?.hearts.delete(subject);
    this.#groupOf.delete(subject);
    if (this.#groupOf.size === 0) this.#clock.stop();
  }

  /** Of one that is silent at this moment. */
  silenceOf(subject: Subject): Silence | undefined {
    const heart = this.#heartOf(subject);
    if (heart === undefined) return undefined;
    heart.look(this.#clock.nowMs());
    return heart.misses === 0 ? undefined : this.#silence(heart);
  }

  pong(subject: Subject, seq: number): void {
    const group = this.#groupOf.get(subject);
    const heart = group?.hearts.get(subject);
    if (group === undefined || heart === undefined) return;
    const wasAwaited = heart.isAwaited;
    const latencyMs = heart.pong(seq, this.#clock.nowMs());
    // Nobody is left to look at before the next beat, which spares the host a wake.
    if (wasAwaited && --group.unanswered === 0) group.step = 0;
    if (latencyMs !== undefined) this.events.pong(subject, latencyMs);
  }

  stop(): void {
    this.#clock.stop();
  }

  #heartOf(subject: Subject): Heart | undefined {
    return this.#groupOf.get(subject)?.hearts.get(subject);
  }

  // An empty group has let its beats pass.
  #catchUp(group: Group<Subject>): void {
    const { intervalMs } = this.options;
    const passed = Math.floor((this.#clock.nowMs() - group.beatMs) / intervalMs);
    if (passed > 0) group.beatMs += passed * intervalMs;
    group.step = 0;
  }

  #dueMs({ beatMs, step }: Group<Subject>): number {
    return step === 0 ? beatMs + this.options.intervalMs : beatMs + (this.#steps[step] as number);
  }

  #sleep(): void {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const group of this.#groups)
      if (group.hearts.size > 0) nextMs = Math.min(nextMs, this.#dueMs(group));
    if (nextMs < Number.POSITIVE_INFINITY) this.#clock.wakeAt(nextMs, () => this.#wake());
  }

  #wake(): void {
    const nowMs = this.#clock.nowMs();
    for (const group of this.#groups) {
      if (group.hearts.size > 0 && this.#dueMs(group) <= nowMs + timerGrainMs) this.#advance(group, nowMs);
    }
    this.#sleep();
  }

  #advance(group: Group<Subject>, nowMs: number): void {
    const { step } = group;
    if (step === 0) {
      group.beatMs = Math.max(group.beatMs + this.options.intervalMs, nowMs - this.options.intervalMs / 2);
      group.unanswered = group.hearts.size;
      for (const heart of group.hearts.values()) heart.beat(nowMs);
      group.step = 1;
      return;
    }
    let isAnyAwaited = false;
    for (const [subject, heart] of [...group.hearts]) {
      heart.look(nowMs);
      if (!heart.isAwaited) continue;
      isAnyAwaited = true;
      if (step < this.#steps.length - 1) heart.retry(nowMs);
      else {
        heart.misses++;
        this.events.miss(subject, this.#silence(heart));
      }
    }
    group.step = isAnyAwaited && step < this.#steps.length - 1 ? step + 1 : 0;
  }

  #silence(heart: Heart): Silence {
    const { misses } = heart;
    return { misses, silentMs: heart.silentMs(this.#clock.nowMs()), isLong: misses >= this.#limit };
  }
}
