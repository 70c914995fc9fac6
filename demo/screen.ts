import { styleText } from 'node:util';

const WIDTH = 40;
const colors = process.stdout.isTTY && process.env.NO_COLOR === undefined;

/** The text in a style, where the terminal shows styles. */
export function styled(style: 'bold' | 'dim' | 'green' | 'red', text: string): string {
  return colors ? styleText(style, text) : text;
}

export function say(text = ''): void {
  process.stdout.write(`${text}\n`);
}

export function heading(text: string): void {
  say(`\n${styled('bold', text)}\n`);
}

export function good(text: string): void {
  say(`  ${styled('green', '✔')} ${text}`);
}

export function bad(text: string): void {
  say(`  ${styled('red', '✘')} ${text}`);
}

/** Says what holds, or else what does not. Returns whether all held. */
export function verdict(faults: readonly string[], promises: readonly string[]): boolean {
  for (const fault of faults) bad(fault);
  if (faults.length === 0) for (const promise of promises) good(promise);
  return faults.length === 0;
}

/** A number with thousands separators. */
export function grouped(number: number): string {
  return number.toLocaleString('en-US');
}

/** A bar that only ever grows to the right, so that it looks the same in a terminal and in a log file. */
export class Bar {
  #cells = 0;

  constructor(label: string) {
    process.stdout.write(`  ${label.padEnd(10)}`);
  }

  grow(share: number): void {
    const cells = Math.floor(share * WIDTH);
    if (cells > this.#cells) process.stdout.write('█'.repeat(cells - this.#cells));
    this.#cells = Math.max(cells, this.#cells);
  }

  end(text: string): void {
    say(`${styled('dim', '░'.repeat(WIDTH - this.#cells))}  ${text}`);
  }
}

/** Prints rows below their headings, the first column to the left and the others to the right. */
export function table(headings: string[], rows: string[][]): void {
  const widths = headings.map((text, column) =>
    Math.max(...[text, ...rows.map((row) => row[column]!)].map((cell) => cell.length)),
  );
  const line = (cells: string[]) =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]! + 3)))
      .join('');
  say(`\n    ${styled('dim', line(headings))}`);
  for (const row of rows) say(`    ${line(row)}`);
  say();
}
