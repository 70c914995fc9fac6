import { within } from '../deadline.js';
import type { Contender, Payload } from './contender.js';
import { makeValues, type Values } from './values.js';

export interface BlockPlan {
  inFlight: number;
  blockMs: number;
  /** Calls at the start of a block that are not counted: as many as this, or what a third of blockMs has time for. */
  dropped: number;
}

export interface BlockSamples {
  /** Milliseconds of each call. */
  calls: number[];
  /** From the first counted call to the last answer. */
  elapsedMs: number;
}

/** No call of a contender takes as long as this. */
const ANSWER_LIMIT_MS = 10_000;

/** Keeps `inFlight` calls under way for a while. Throws if one is answered wrongly, or not at all. */
export class Block {
  readonly #lanes: Values[];

  constructor(
    private readonly payload: Payload,
    private readonly plan: BlockPlan,
  ) {
    this.#lanes = Array.from({ length: plan.inFlight }, () => makeValues(this.payload));
  }

  async run(contender: Contender): Promise<BlockSamples> {
    const { blockMs, dropped } = this.plan;
    if (contender.mostAtATime === undefined) await this.#drive(contender, blockMs / 3, dropped);
    return this.#drive(contender, blockMs, Number.POSITIVE_INFINITY);
  }

  async #drive(contender: Contender, limitMs: number, limitCalls: number): Promise<BlockSamples> {
    const calls: number[] = [];
    let begun = 0;
    const start = performance.now();
    const lane = async (values: Values) => {
      // At least one call each, or slow calls would never be as many in flight as they should.
      do {
        begun++;
        const from = performance.now();
        const answer = await contender.echo(values.next());
        calls.push(performance.now() - from);
        values.check(answer);
      } while (begun < limitCalls && performance.now() - start < limitMs);
    };
    const lanes = this.#lanes.slice(0, Math.min(limitCalls, contender.mostAtATime ?? limitCalls));
    const all = await within(limitMs + ANSWER_LIMIT_MS, Promise.all(lanes.map(lane)));
    if (all === undefined) throw new Error(`${contender.name} did not answer in time`);
    return { calls, elapsedMs: performance.now() - start };
  }
}
