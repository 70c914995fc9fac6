// Less alike than a key with one letter wrong.
const inOtherGroup = 0.5;

/** The candidate that was probably meant, if any: spelled alike, cut short, or the same name in another group. */
export function nearest(written: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const distance = difference(written, candidate);
    if (distance < least) [best, least] = [candidate, distance];
  }
  return least < 1 ? best : undefined;
}

/** From 0, the same, to 1, nothing alike. */
function difference(written: string, candidate: string): number {
  const own = letters(lastName(candidate));
  const isInOtherGroup = written.length > 2 && own.startsWith(letters(lastName(written)));
  return Math.min(ratio(letters(written), letters(candidate)), isInOtherGroup ? inOtherGroup : 1);
}

function ratio(written: string, candidate: string): number {
  const allowed = Math.ceil(Math.max(written.length, candidate.length) / 3);
  return edits(written, candidate) / (allowed + 1);
}

const letters = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, '');
const lastName = (path: string) => path.slice(path.lastIndexOf('.') + 1);

/** Letters to add, drop, change, or swap with the next (optimal string alignment). */
function edits(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const next = [row];
    for (let column = 1; column <= to.length; column++) {
      const isSame = from[row - 1] === to[column - 1];
      let cost = Math.min(
        at(last, column) + 1,
        at(next, column - 1) + 1,
        at(last, column - 1) + (isSame ? 0 : 1),
      );
      if (row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1])
        cost = Math.min(cost, at(beforeLast, column - 2) + 1);
      next.push(cost);
    }
    [beforeLast, last] = [last, next];
  }
  return at(last, to.length);
}

const at = (row: readonly number[], column: number) => row[column] ?? Number.POSITIVE_INFINITY;
