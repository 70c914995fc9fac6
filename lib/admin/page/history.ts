/** The latest values, one a second, oldest first. */
export class History {
  readonly #values: (number | null)[] = [];

  constructor(private readonly length: number) {}

  push(value: number | null): void {
    this.#values.push(value);
    if (this.#values.length > this.length) this.#values.shift();
  }

  get values(): readonly (number | null)[] {
    return this.#values;
  }

  get isEmpty(): boolean {
    return this.#values.every((value) => value === null);
  }
}
