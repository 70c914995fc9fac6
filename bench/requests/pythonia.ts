import type { ChildProcess } from 'node:child_process';
import { ended, PYTHON, programPath, started } from './child.js';
import { type Contender, LeftOut, NAMES, type Setting, type Value } from './contender.js';

type Echo = (text: string) => Promise<string>;
interface Program {
  echo: Echo;
  echo_bytes: Echo;
}
interface Library {
  python: { (file: string): Promise<Program>; exit(): void };
  com: { proc: ChildProcess };
}

/**
 * pythonia. Values go as JSON text, bytes as base64: an object that is returned would be a proxy, and cost a second
 * round trip to read, and a Buffer would stay where it is.
 */
export function pythonia({ workers, payload }: Setting): Contender {
  return new Pythonia(workers, payload === 'bytes');
}

class Pythonia implements Contender {
  readonly name: string;
  #program: Program | undefined;
  #exit = () => {};
  #process: ChildProcess | undefined;

  constructor(
    private readonly workers: number,
    private readonly isBytes: boolean,
  ) {
    this.name = isBytes ? `${NAMES.pythonia}, base64` : NAMES.pythonia;
  }

  async start(): Promise<void> {
    if (this.workers > 1) throw new LeftOut('it has one Python process for each Node process');
    process.env.PYTHON_BIN = PYTHON;
    // A CommonJS module; its types tell neither of that nor of all that it exports.
    const { python, com } = ((await import('pythonia')) as unknown as { default: Library }).default;
    // The import has started the process.
    this.#process = com.proc;
    this.#exit = () => python.exit();
    this.#program = await started(this.name, com.proc, python(programPath('pythonia_echo.py')));
  }

  async echo(value: Value): Promise<unknown> {
    // The functions are proxies that serve for one call.
    const program = this.#program as Program;
    if (!this.isBytes) return JSON.parse(await program.echo(JSON.stringify(value)));
    return Buffer.from(await program.echo_bytes((value as Buffer).toString('base64')), 'base64');
  }

  async stop(): Promise<void> {
    if (this.#process === undefined) return;
    this.#exit();
    await ended(this.#process);
  }
}
