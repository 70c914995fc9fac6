import type { ChildProcess } from 'node:child_process';
import { ended, PYTHON, programPath, started } from './child.js';
import { type Contender, LeftOut, NAMES, type Setting, type Value } from './contender.js';

type Echo<Sent, Answer> = (value: Sent) => Promise<Answer>;
interface Program {
  /** An object that is returned is a proxy; valueOf() gets what is in it. */
  echo: Echo<Value, { valueOf(): Promise<unknown> }>;
  echo_text: Echo<string, string>;
  echo_bytes: Echo<string, string>;
}
interface Library {
  python: { (file: string): Promise<Program>; exit(): void };
  com: { proc: ChildProcess };
}

/** pythonia as its documentation has it: objects are passed as they are. A Buffer would stay where it is, so bytes go as base64. */
export function pythonia({ workers, payload }: Setting): Contender {
  return payload === 'bytes'
    ? new Pythonia(`${NAMES.pythonia}, base64`, workers, echoBytes)
    : new Pythonia(NAMES.pythonia, workers, async (program, value) => (await program.echo(value)).valueOf());
}

/** pythonia without its proxies, each of which costs further round trips: both sides make JSON text of the value. */
export function pythoniaText({ workers, payload }: Setting): Contender {
  return new Pythonia(NAMES.pythoniaText, payload === 'bytes' ? 0 : workers, async (program, value) =>
    JSON.parse(await program.echo_text(JSON.stringify(value))),
  );
}

const echoBytes = async (program: Program, value: Value) =>
  Buffer.from(await program.echo_bytes((value as Buffer).toString('base64')), 'base64');

/** The one Python process that pythonia has in a Node process: its import starts it. */
let users = 0;

class Pythonia implements Contender {
  #program: Program | undefined;
  #library: Library | undefined;

  constructor(
    readonly name: string,
    private readonly workers: number,
    private readonly echoWith: (program: Program, value: Value) => Promise<unknown>,
  ) {}

  async start(): Promise<void> {
    if (this.workers === 0) throw new LeftOut('bytes are not JSON');
    if (this.workers > 1) throw new LeftOut('it has one Python process for each Node process');
    process.env.PYTHON_BIN = PYTHON;
    // A CommonJS module; its types tell neither of that nor of all that it exports.
    this.#library = ((await import('pythonia')) as unknown as { default: Library }).default;
    users++;
    const { python, com } = this.#library;
    this.#program = await started(this.name, com.proc, python(programPath('pythonia_echo.py')));
  }

  echo(value: Value): Promise<unknown> {
    return this.echoWith(this.#program as Program, value);
  }

  async stop(): Promise<void> {
    if (this.#library === undefined || --users > 0) return;
    // exit() forgets the process.
    const { proc } = this.#library.com;
    this.#library.python.exit();
    await ended(proc);
  }
}
