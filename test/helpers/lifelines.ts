import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { DEADLINE_MS, within } from './deadline.js';
import { compiledFixture } from './fixtures.js';

const isWindows = process.platform === 'win32';

/** One fixture process, known by the connection that it holds for as long as it lives. */
export class Life {
  readonly name: string;
  readonly pid: number;
  readonly ppid: number;
  readonly mark: string;
  #socket: Socket;
  #lines: string[] = [];
  #wake: (() => void) | undefined;
  #closed = false;
  #closedAt = 0;
  #closing: Promise<void>;

  constructor(socket: Socket, hello: string) {
    const [, name, pid, ppid, mark] = hello.split(' ');
    this.name = name!;
    this.pid = Number(pid);
    this.ppid = Number(ppid);
    this.mark = mark!;
    this.#socket = socket;
    this.#closing = new Promise((resolve) =>
      socket.once('close', () => {
        this.#closed = true;
        this.#closedAt = performance.now();
        this.#wake?.();
        resolve();
      }),
    );
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Resolves, with the time on `performance.now()`'s clock, once the process is gone: only then does its end of the connection close. */
  async gone(ms = DEADLINE_MS): Promise<number> {
    await within(this.#closing, `${this.name} ${this.pid} to be gone`, ms);
    return this.#closedAt;
  }

  /** Proves that the process lives: it answers. Rejects when it is gone. */
  async answers(): Promise<void> {
    this.#socket.write('ping\n');
    await this.says('pong');
  }

  /** Resolves once the process has sent the line `wanted`. */
  async says(wanted: string): Promise<void> {
    await this.line((line) => line === wanted, wanted);
  }

  /** The next line that is wanted, once the process has sent it. */
  async line(isWanted: (line: string) => boolean, wanted: string): Promise<string> {
    const heard = async () => {
      for (;;) {
        const index = this.#lines.findIndex(isWanted);
        if (index >= 0) return this.#lines.splice(0, index + 1).at(-1) as string;
        if (this.#closed) throw new Error(`${this.name} ${this.pid} is gone and never said ${wanted}`);
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    };
    return within(heard(), `${this.name} ${this.pid} to say ${wanted}`);
  }

  /** Tells the process to end, with this exit code. */
  exit(code: number): void {
    this.#socket.write(`exit ${code}\n`);
  }

  hear(line: string): void {
    this.#lines.push(line);
    this.#wake?.();
  }

  /** Ends the process by closing the test's end, and waits until it is gone. */
  async end(): Promise<void> {
    this.#socket.end();
    if (!isWindows && !this.#closed && this.pid > 1) this.#continue();
    await this.gone();
  }

  // A stopped process sees nothing until it continues. While its connection is open, the pid is its own.
  #continue(): void {
    try {
      process.kill(this.pid, 'SIGCONT');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

/** The socket that fixture processes connect to. Disposing of it ends every process that is still connected. */
export class Lifelines {
  readonly folder = mkdtempSync(join(tmpdir(), 'procguard-test-'));
  readonly path = isWindows ? `\\\\.\\pipe\\${basename(this.folder)}` : join(this.folder, 'life');
  readonly program = compiledFixture('life');
  #server: Server;
  #lives: Life[] = [];
  #untaken: Life[] = [];
  #sockets = new Set<Socket>();
  #waiting: { name: string; resolve: (life: Life) => void }[] = [];
  #failures: string[] = [];

  private constructor() {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
  }

  static async open(): Promise<Lifelines> {
    const lifelines = new Lifelines();
    await new Promise<void>((resolve, reject) => {
      lifelines.#server.once('error', reject).listen(lifelines.path, resolve);
    });
    if (isWindows) return lifelines;
    // Children that run as another user connect too.
    chmodSync(lifelines.folder, 0o755);
    chmodSync(lifelines.path, 0o666);
    return lifelines;
  }

  /** The arguments of a `life` process of that name. */
  arguments(name: string, ...words: string[]): string[] {
    return [this.path, name, ...words];
  }

  /** The next process that connects, or has connected, under `name`. */
  async take(name: string): Promise<Life> {
    const index = this.#untaken.findIndex((life) => life.name === name);
    if (index >= 0) return this.#untaken.splice(index, 1)[0]!;
    const arrival = new Promise<Life>((resolve) => this.#waiting.push({ name, resolve }));
    return within(arrival, () => [`a process named ${name} to connect`, ...this.#failures].join('; '));
  }

  /** The processes named `names`, in that order. */
  async takeAll(names: readonly string[]): Promise<Life[]> {
    return Promise.all(names.map((name) => this.take(name)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    try {
      await Promise.all(this.#lives.map((life) => life.end()));
    } finally {
      for (const socket of this.#sockets) socket.destroy();
      rmSync(this.folder, { recursive: true, force: true });
    }
  }

  #accept(socket: Socket): void {
    let life: Life | undefined;
    let text = '';
    this.#sockets.add(socket);
    socket.setEncoding('utf8');
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('end', () => socket.end());
    socket.on('data', (chunk) => {
      const lines = (text + chunk).split('\n');
      text = lines.pop()!;
      for (const line of lines) {
        if (line.startsWith('failed ')) this.#failures.push(`${life?.name} ${line}`);
        if (life) life.hear(line);
        else life = this.#welcome(new Life(socket, line));
      }
    });
  }

  #welcome(life: Life): Life {
    this.#lives.push(life);
    const index = this.#waiting.findIndex((wait) => wait.name === life.name);
    if (index < 0) this.#untaken.push(life);
    else this.#waiting.splice(index, 1)[0]!.resolve(life);
    return life;
  }
}
