import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

/** The text in that style where it will be read on a terminal, and as it is elsewhere. */
export function styled(style: Style, text: string): string {
  return hasColors() ? styleText(style, text) : text;
}

/** Columns of the terminal; undefined: none is there, and lines are never cut. */
export function terminalWidth(): number | undefined {
  // A terminal that was never told its size says 0.
  return (process.stdout.isTTY && process.stdout.columns) || undefined;
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** One object on one line, for programs. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value));
}

export function complain(text: string): void {
  process.stderr.write(`procguard: ${text}\n`);
}

// https://no-color.org
function hasColors(): boolean {
  return process.stdout.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb';
}
