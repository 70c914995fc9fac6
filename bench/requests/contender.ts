/** JSON of about 100 bytes, or 1 MB of bytes. */
export type Payload = 'json' | 'bytes';
export type Value = Record<string, unknown> | Buffer;

/** One way to get a value to worker processes and back. */
export interface Contender {
  readonly name: string;
  /** Set if it starts a process per call: the most calls at a time, whatever is asked for; and none is a warm-up. */
  readonly mostAtATime?: number;
  /** Resolves when every worker is ready. Throws a LeftOut if this machine, or this build, doesn't have it. */
  start(): Promise<void>;
  /** What a worker made of the value: the same. A Buffer may come back as any Uint8Array. */
  echo(value: Value): Promise<unknown>;
  /** Resolves when all its processes are gone. */
  stop(): Promise<void>;
}

/** Those that have targets. */
export const NAMES = {
  pool: 'procguard Pool',
  echo: 'hand-written echo',
  base64Echo: 'hand-written echo, base64',
  pythonShell: 'python-shell, program kept',
  pythonShellRun: 'python-shell, run() per call',
  pythonia: 'pythonia',
  pythoniaText: 'pythonia, JSON text by hand',
};

export interface Setting {
  workers: number;
  payload: Payload;
}

/** The contender can't take part; `message` says why. */
export class LeftOut extends Error {
  override name = 'LeftOut';
}

/** Several processes of a contender that itself has one only: they take turns. */
export class Fleet implements Contender {
  readonly name: string;
  #next = 0;

  /** `members`: at least one. */
  constructor(private readonly members: Contender[]) {
    this.name = (members[0] as Contender).name;
  }

  async start(): Promise<void> {
    // All have settled before one failure counts: stop() must find each child that a start made.
    const starts = await Promise.allSettled(this.members.map((member) => member.start()));
    for (const start of starts) if (start.status === 'rejected') throw start.reason;
  }

  echo(value: Value): Promise<unknown> {
    const member = this.members[this.#next] as Contender;
    this.#next = (this.#next + 1) % this.members.length;
    return member.echo(value);
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => member.stop()));
  }
}
