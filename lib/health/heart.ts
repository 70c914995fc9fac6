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
    /** Sends a ping. */
    readonly ping: (seq: number) => void,
    nowMs: number,
  ) {
    this.#lastHeardMs = nowMs;
  }

  /** Since it was last heard of, on the host's clock. */
  silentMs(nowMs: number): number {
    return nowMs - this.#lastHeardMs;
  }

  beat(nowMs: number): void {
    this.#firstSeq = this.#lastSeq + 1;
    this.#sentMs = [];
    this.retry(nowMs);
  }

  retry(nowMs: number): void {
    this.isAwaited = true;
    this.#sentMs.push(nowMs);
    this.ping(++this.#lastSeq);
  }

  /** Anything that it sends is a sign of life. */
  heard(nowMs: number): void {
    this.#lastHeardMs = nowMs;
    this.isAwaited = false;
    this.misses = 0;
  }

  /** How long the answer took; undefined for one of an earlier beat, or to no ping at all. */
  pong(seq: number, nowMs: number): number | undefined {
    this.heard(nowMs);
    const sentMs = this.#sentMs[seq - this.#firstSeq];
    return sentMs === undefined ? undefined : nowMs - sentMs;
  }
}
