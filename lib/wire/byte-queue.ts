const nothing = Buffer.alloc(0);

/**
 * Received chunks, read in pieces of known length. A piece that lies in one chunk is a view of it; any other is copied
 * once, into memory of its own, as its chunks arrive.
 */
export class ByteQueue {
  #chunks: Buffer[] = [];
  // Chunks before this one are used up. Array.shift moves the rest of a long array.
  #head = 0;
  #offset = 0;
  #piece: Buffer | undefined;
  #filled = 0;

  push(chunk: Buffer): void {
    if (chunk.length > 0) this.#chunks.push(chunk);
  }

  get isEmpty(): boolean {
    return this.#piece === undefined && this.#head === this.#chunks.length;
  }

  /** Undefined: not all of it is here. Ask again with the same length. */
  take(length: number): Buffer | undefined {
    if (length === 0) return nothing;
    if (this.#piece === undefined) {
      const chunk = this.#chunks[this.#head];
      if (chunk === undefined) return undefined;
      if (chunk.length - this.#offset >= length) {
        const view = chunk.subarray(this.#offset, this.#offset + length);
        this.#advance(chunk, length);
        return view;
      }
      this.#piece = Buffer.allocUnsafe(length);
      this.#filled = 0;
    }
    return this.#fill(this.#piece);
  }

  #fill(piece: Buffer): Buffer | undefined {
    while (this.#filled < piece.length) {
      const chunk = this.#chunks[this.#head];
      if (chunk === undefined) return undefined;
      const count = chunk.copy(piece, this.#filled, this.#offset);
      this.#filled += count;
      this.#advance(chunk, count);
    }
    this.#piece = undefined;
    return piece;
  }

  #advance(chunk: Buffer, count: number): void {
    this.#offset += count;
    if (this.#offset < chunk.length) return;
    this.#offset = 0;
    // Releases the chunk.
    this.#chunks[this.#head] = nothing;
    this.#head++;
    if (this.#head === this.#chunks.length) {
      this.#chunks = [];
      this.#head = 0;
    }
  }
}
