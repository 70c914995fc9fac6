/** Who is watched. */
export interface Patient {
  ping(seq: number): void;
  /** Whether it has sent anything since this was asked last. */
  takeSigns(): boolean;
}

/** What is known of one worker's heartbeats. */
export class Heart {
  /** Pings in a row that got no answer in time. */
  misses = 0;
  /** A ping is out, and nothing has come since. */
  isAwaited = false;
  #lastHeardMs: number;
  #lastSeq = 0;
  /** The first ping of this beat, and the times of all of them. */
  #firstSeq = 1;
  #sentMs: number[] = [];

  constructor(
    private readonly patient: Patient,
    nowMs: number,
  ) {
    this.#lastHeardMs = nowMs;
  }

  /** Since it was last heard of, on the host's clock. */
  silentMs(nowMs: number): number {
    return nowMs - this.#lastHeardMs;
  }

  beat(nowMs: number): void {
    this.look(nowMs);
    // What was read at the end of a stall has a time that was taken from the clock later.
    this.#lastHeardMs = Math.min(this.#lastHeardMs, nowMs);
    this.#firstSeq = this.#lastSeq + 1;
    this.#sentMs = [];
    this.retry(nowMs);
  }

  retry(nowMs: number): void {
    this.isAwaited = true;
    this.#sentMs.push(nowMs);
    this.patient.ping(++this.#lastSeq);
  }

  /** Anything that it sends is a sign of life. */
  look(nowMs: number): void {
    if (this.patient.takeSigns()) this.#heard(nowMs);
  }

  /** How long the answer took; undefined for one of an earlier beat, or to no ping at all. */
  pong(seq: number, nowMs: number): number | undefined {
    this.#heard(nowMs);
    const sentMs = this.#sentMs[seq - this.#firstSeq];
    return sentMs === undefined ? undefined : nowMs - sentMs;
  }

  #heard(nowMs: number): void {
    this.#lastHeardMs = nowMs;
    this.isAwaited = false;
    this.misses = 0;
  }
}
