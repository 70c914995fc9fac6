import { PythonShell } from 'python-shell';
import { ended, PYTHON, programPath, started } from './child.js';
import { type Contender, Fleet, LeftOut, NAMES, type Setting, type Value } from './contender.js';

/** python-shell with one program that is kept, messages being JSON and answered in order. Bytes go as base64. */
export function pythonShell({ workers, payload }: Setting): Contender {
  const Kind = payload === 'bytes' ? KeptForBytes : Kept;
  return new Fleet(Array.from({ length: workers }, () => new Kind()));
}

/** python-shell's `run()`: a program per call, at most one for each worker at a time. */
export function pythonShellRun({ workers, payload }: Setting): Contender {
  return new Run(workers, payload === 'bytes');
}

class Kept implements Contender {
  readonly name: string = NAMES.pythonShell;
  protected readonly program: string = 'json';
  #shell: PythonShell | undefined;
  readonly #waiting: ((answer: unknown) => void)[] = [];

  async start(): Promise<void> {
    const shell = new PythonShell(programPath('echo.py'), {
      mode: 'json',
      pythonPath: PYTHON,
      args: [this.program],
    });
    this.#shell = shell;
    shell.on('message', (answer) => this.#waiting.shift()?.(answer));
    await started(this.name, shell.childProcess, this.exchange('cmVhZHk='));
  }

  echo(value: Value): Promise<unknown> {
    return this.exchange(value);
  }

  protected exchange(message: unknown): Promise<unknown> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#shell?.send(message as object);
    });
  }

  async stop(): Promise<void> {
    if (this.#shell === undefined) return;
    this.#shell.stdin.end();
    await ended(this.#shell.childProcess);
  }
}

class KeptForBytes extends Kept {
  override readonly name = `${NAMES.pythonShell}, base64`;
  protected override readonly program = 'bytes';

  override async echo(value: Value): Promise<unknown> {
    return Buffer.from((await this.exchange((value as Buffer).toString('base64'))) as string, 'base64');
  }
}

class Run implements Contender {
  readonly name = NAMES.pythonShellRun;

  constructor(
    readonly mostAtATime: number,
    private readonly isBytes: boolean,
  ) {}

  async start(): Promise<void> {
    if (this.isBytes)
      throw new LeftOut('run() passes a value as a command-line argument, and 1 MB is too long');
  }

  async echo(value: Value): Promise<unknown> {
    const options = { mode: 'json' as const, pythonPath: PYTHON, args: [JSON.stringify(value)] };
    const [answer] = await PythonShell.run(programPath('echo_once.py'), options);
    return answer;
  }

  async stop(): Promise<void> {}
}
