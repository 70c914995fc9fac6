/** How many items of a stream the host will still take. */
export class Credit {
  #items: number;
  #isWaitedFor = true;
  #wake: (() => void) | undefined;

  constructor(items: number) {
    this.#items = items;
  }

  add(items: number): void {
    this.#items += items;
    this.#wake?.();
  }

  /** Takes one, as soon as there is one. After `stopWaiting` it resolves without. */
  async take(): Promise<void> {
    while (this.#items <= 0 && this.#isWaitedFor) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#items--;
  }

  stopWaiting(): void {
    this.#isWaitedFor = false;
    this.#wake?.();
  }
}
