import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import type { Log } from '../wire/messages.js';

/** A line that a worker printed, or sent to the pool's log. */
export interface OutputLine {
  readonly source: 'stdout' | 'stderr' | 'log';
  readonly worker: number;
  readonly pid: number | undefined;
  readonly line: string;
  /** Of a log message only. */
  readonly level?: 'debug' | 'info' | 'warn' | 'error';
  readonly fields?: Readonly<Record<string, unknown>>;
}

const maxLineChars = 16 * 1024;
const stderrLines = 20;
const levels: ReadonlySet<string> = new Set(['debug', 'info', 'warn', 'error']);

/** What one worker prints and logs, line by line. */
export class WorkerOutput {
  pid: number | undefined;
  readonly #stderr = new Tail(stderrLines);

  constructor(
    private readonly worker: number,
    private readonly emit: (line: OutputLine) => void,
  ) {}

  /** The last lines, oldest first. */
  get lastOfStderr(): string[] {
    return this.#stderr.lines;
  }

  listen(source: 'stdout' | 'stderr', stream: Readable): void {
    const cutter = new LineCutter((line) => {
      if (source === 'stderr') this.#stderr.push(line);
      this.emit({ source, worker: this.worker, pid: this.pid, line });
    });
    stream.on('data', (chunk: Buffer) => cutter.push(chunk));
    stream.on('end', () => cutter.end());
    stream.on('error', () => {});
  }

  log({ level, message, fields }: Log): void {
    this.emit({
      source: 'log',
      worker: this.worker,
      pid: this.pid,
      line: message,
      level: levels.has(level) ? level : 'info',
      ...(fields === undefined ? {} : { fields }),
    });
  }
}

/** Cuts a stream into lines. A line that is longer than 16 Ki characters is cut there. */
export class LineCutter {
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';

  constructor(private readonly emit: (line: string) => void) {}

  push(chunk: Buffer): void {
    this.#rest += this.#decoder.write(chunk);
    let start = 0;
    for (let end = this.#rest.indexOf('\n'); end >= 0; end = this.#rest.indexOf('\n', start)) {
      const cut = end > start && this.#rest.charCodeAt(end - 1) === 13 ? end - 1 : end;
      this.emit(this.#cut(this.#rest.slice(start, cut)));
      start = end + 1;
    }
    this.#rest = this.#cut(this.#rest.slice(start));
  }

  /** What is left of a line that is too long. */
  #cut(line: string): string {
    let start = 0;
    for (; line.length - start > maxLineChars; start += maxLineChars) {
      this.emit(line.slice(start, start + maxLineChars));
    }
    return start === 0 ? line : line.slice(start);
  }

  end(): void {
    this.#rest += this.#decoder.end();
    if (this.#rest !== '') this.emit(this.#rest);
    this.#rest = '';
  }
}

/** The last lines of a stream. */
export class Tail {
  readonly #lines: string[] = [];

  constructor(private readonly length: number) {}

  push(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length > this.length) this.#lines.shift();
  }

  get lines(): string[] {
    return [...this.#lines];
  }
}
