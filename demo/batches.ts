import { countHere, type Words } from './words.js';

const FILES = 20;

/** The files of one call. */
export class Batch {
  readonly files: readonly string[];
  #words: Words | undefined;

  constructor(files: readonly string[]) {
    this.files = files;
  }

  /** Their words as this process alone counts them. */
  get words(): Words {
    this.#words ??= countHere(this.files);
    return this.#words;
  }
}

/** Divides files into batches. */
export function batchesOf(files: readonly string[]): Batch[] {
  const batches = Math.ceil(files.length / FILES);
  return Array.from(
    { length: batches },
    (_, number) => new Batch(files.slice(number * FILES, (number + 1) * FILES)),
  );
}
