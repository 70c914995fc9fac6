/** The fixed piece of JavaScript that is timed right after a spawn: one write to each of this many pages. */
export const PAGES = 2048;

const PAGE_BYTES = 4096;
const SLOTS_PER_PAGE = 500;

/**
 * Two kinds, because a fork treats them apart: recent releases of V8 keep their heap out of it (MADV_DONTFORK), so
 * that only memory outside of that heap, as that of Buffers, is left copy-on-write.
 */
export interface Pages {
  heap: number[][];
  buffer: Buffer;
}

/** Nanoseconds. */
export interface PageTimes {
  heap: number;
  buffers: number;
}

/** `buffer` has at least PAGES pages. */
export function makePages(buffer: Buffer): Pages {
  return { heap: Array.from({ length: PAGES }, () => new Array<number>(SLOTS_PER_PAGE).fill(0)), buffer };
}

export function timePages({ heap, buffer }: Pages): PageTimes {
  const start = process.hrtime.bigint();
  for (const page of heap) page[0] = ((page[0] as number) + 1) & 0xffff;
  const between = process.hrtime.bigint();
  // The first byte of the Buffer is not among them.
  for (let page = 1; page <= PAGES; page++) buffer[page * PAGE_BYTES - 1] = page;
  const end = process.hrtime.bigint();
  return { heap: Number(between - start), buffers: Number(end - between) };
}
