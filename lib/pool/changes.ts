/** Those who wait until something holds, which only a change can bring about. */
export class Changes {
  readonly #watchers = new Set<() => void>();

  /** Resolves when `holds` does, which is asked whenever something changes; rejects with what it throws. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        try {
          if (!holds()) return;
          resolve();
        } catch (error) {
          reject(error as Error);
        }
        this.#watchers.delete(look);
      };
      this.#watchers.add(look);
      look();
    });
  }

  /** Something has changed. */
  announce(): void {
    for (const look of this.#watchers) look();
  }
}
