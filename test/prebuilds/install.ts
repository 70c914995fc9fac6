import { execFile, spawn } from 'node:child_process';
import { access, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { tarball } from './platforms.js';

const run = promisify(execFile);
const programs = ['dirname', 'env', 'npm', 'npx', 'readlink', 'sh', 'sleep', 'uname'];

/** An empty project in which the packed package is installed, on a machine without compilers. */
export class Project {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;

  private constructor(folder: string, env: NodeJS.ProcessEnv) {
    this.folder = folder;
    this.env = env;
  }

  static async install(): Promise<Project> {
    const top = await mkdtemp(join(tmpdir(), 'procguard-'));
    const [folder, bin] = [join(top, 'project'), join(top, 'bin')];
    await mkdir(folder);
    await mkdir(bin);
    await writeFile(join(folder, 'package.json'), '{ "name": "empty", "private": true }');
    await symlink(process.execPath, join(bin, 'node'));
    // It may be a script that looks for the one.
    const python = await run('python3', ['-c', 'import sys; print(sys.executable)']);
    await symlink(python.stdout.trim(), join(bin, 'python3'));
    for (const program of programs) await symlink(await find(program), join(bin, program));
    // What the npm that runs the tests has set is about this checkout.
    const kept = Object.entries(process.env).filter(
      ([name]) => !/^(npm_(?!config_)|npm_config_local_prefix|INIT_CWD)/.test(name),
    );
    const project = new Project(folder, { ...Object.fromEntries(kept), PATH: bin, TEST_TARBALL: undefined });
    await project.run('npm', [
      'install',
      '--ignore-scripts',
      '--prefer-offline',
      '--no-audit',
      '--no-fund',
      tarball(),
    ]);
    return project;
  }

  get package(): string {
    return join(this.folder, 'node_modules/procguard');
  }

  /** Runs a program of this project, or of its machine. Rejects when it fails, as `execFile` does. */
  run(
    program: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv = {},
  ): Promise<{ stdout: string; stderr: string }> {
    const bin = `${join(this.folder, 'node_modules/.bin')}${delimiter}${this.env.PATH}`;
    return run(program, args, {
      cwd: this.folder,
      env: { ...this.env, PATH: bin, ...env },
      timeout: 120_000,
    });
  }

  /** Starts a program that a test is to kill. What it prints comes through pipes, which its children hold, too. */
  start(program: string, args: readonly string[]) {
    return spawn(program, args, { cwd: this.folder, env: this.env, stdio: ['ignore', 'pipe', 'pipe'] });
  }

  /** Writes a module of the project, and returns its path. */
  async write(name: string, text: string): Promise<string> {
    const file = join(this.folder, name);
    await writeFile(file, text);
    return file;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(join(this.folder, '..'), { recursive: true });
  }
}

async function find(program: string): Promise<string> {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    // node_modules/.bin has what this checkout has installed.
    if (folder.includes('node_modules')) continue;
    const file = join(folder, program);
    if (
      await access(file).then(
        () => true,
        () => false,
      )
    )
      return file;
  }
  throw new Error(`There is no ${program} on the PATH`);
}
