import type { Readable } from 'node:stream';

/** Calls `onLine` with each line that comes, its \n left off. */
export function readLines(stream: Readable, onLine: (line: string) => void): void {
  let parts: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => {
    let from = 0;
    for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, from)) {
      const last = chunk.subarray(from, end);
      const line = parts.length === 0 ? last : Buffer.concat([...parts, last]);
      parts = [];
      from = end + 1;
      onLine(line.toString('utf8'));
    }
    if (from < chunk.length) parts.push(chunk.subarray(from));
  });
}
