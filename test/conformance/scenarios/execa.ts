import { execa, execaNode } from 'execa';
import type { Context, Scenario, Subject } from '../scenario.js';

export const subject: Subject = {
  'a command, its output and its failure': forRegister(async ({ log }) => {
    const { stdout, stderr, exitCode } = await execa('sh', ['-c', 'echo out; echo err >&2']);
    log('result', stdout, stderr, exitCode);
    log('failure', summary(await execa('sh', ['-c', 'echo out; exit 3']).catch((error) => error)));
    log('missing', summary(await execa('/no/such/program').catch((error) => error)));
    log('template', (await execa`echo ${['a', 'b c']}`).stdout);
  }),

  'input, lines and pipes': forRegister(async ({ log }) => {
    log('input', (await execa('cat', { input: 'the input' })).stdout);
    log('lines', (await execa('seq', ['3'], { lines: true })).stdout);
    log('all', (await execa('sh', ['-c', 'echo a; echo b'], { all: true })).all);
    log('pipe', (await execa('seq', ['5']).pipe('sort', ['-rn'])).stdout);
    const lines: string[] = [];
    for await (const line of execa('seq', ['3'])) lines.push(line);
    log('iterated', lines);
    log('shell', (await execa('echo $((1 + 1))', { shell: true })).stdout);
  }),

  'timeouts, signals and cancellation': forRegister(async ({ log }) => {
    log('timeout', summary(await execa('sleep', ['60'], { timeout: 30 }).catch((error) => error)));
    const killed = execa('sleep', ['60']);
    killed.kill('SIGINT');
    log('killed', summary(await killed.catch((error) => error)));
    const controller = new AbortController();
    const canceled = execa('sleep', ['60'], { cancelSignal: controller.signal });
    controller.abort();
    log('canceled', summary(await canceled.catch((error) => error)));
    const { isMaxBuffer, stdout } = await execa('yes', { maxBuffer: 10 }).catch((error) => error);
    log('maxBuffer', isMaxBuffer, stdout);
  }),

  'messages of a Node program': forRegister(async ({ log, fixture }) => {
    const child = execaNode(fixture('ipc.cjs'), { ipc: true });
    await child.sendMessage(['echo', { a: 1 }]);
    log('message', await child.getOneMessage());
    await child.sendMessage(['exit', 0]);
    log('exit', (await child).exitCode);
  }),
};

function summary(error: Record<string, unknown>) {
  const {
    exitCode,
    signal,
    failed,
    timedOut,
    isCanceled,
    isTerminated,
    isMaxBuffer,
    code,
    shortMessage,
    stdout,
  } = error;
  return {
    exitCode,
    signal,
    failed,
    timedOut,
    isCanceled,
    isTerminated,
    isMaxBuffer,
    code,
    shortMessage,
    stdout,
  };
}

function forRegister(run: (context: Context) => unknown): Scenario {
  return { run, registerOnly: true };
}
