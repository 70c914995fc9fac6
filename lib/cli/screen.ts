const enter = '\x1b[?1049h\x1b[?25l';
const leave = '\x1b[?25h\x1b[?1049l';
const home = '\x1b[H';
const clearLine = '\x1b[K';
const clearBelow = '\x1b[J';
// In raw mode Ctrl-C, the third letter, is a key.
const quitKeys = ['q', 'Q', '\x03'];
const endings = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

/** The whole terminal, for as long as it is open; given back as it was at any end that can be noticed. */
export class Screen {
  /** Resolves when the user has pressed q or Ctrl-C, or a signal asks for an end. */
  readonly quit: Promise<void>;
  readonly #restore = () => this.#giveBack();
  #quit!: () => void;

  constructor() {
    this.quit = new Promise((resolve) => {
      this.#quit = resolve;
    });
    process.stdout.write(enter);
    process.once('exit', this.#restore);
    for (const signal of endings) process.on(signal, this.#quit);
    if (process.stdin.isTTY) {
      process.stdin.setRawMode(true);
      process.stdin.on('data', this.#read).resume();
    }
  }

  draw(lines: readonly string[]): void {
    const visible = lines.slice(0, (process.stdout.rows || Number.POSITIVE_INFINITY) - 1);
    process.stdout.write(`${home}${visible.map((line) => `${line}${clearLine}\n`).join('')}${clearBelow}`);
  }

  close(): void {
    process.off('exit', this.#restore);
    for (const signal of endings) process.off(signal, this.#quit);
    process.stdin.off('data', this.#read).pause();
    this.#giveBack();
  }

  readonly #read = (keys: Buffer): void => {
    if (quitKeys.some((key) => keys.includes(key))) this.#quit();
  };

  #giveBack(): void {
    if (process.stdin.isTTY) process.stdin.setRawMode(false);
    process.stdout.write(leave);
  }
}
