import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { isDead, runUntil } from '../proc.js';
import type { Context, Subject } from '../scenario.js';

/** Scenarios of other subjects that are run once more, in a Worker. */
const again: [string, string[]][] = [
  [
    'events',
    [
      'spawn is emitted after spawn returned, before later ticks',
      'each stream gives its data, then end, then close',
      'the exit code is passed on',
      'children that die together are told in the order in which they were started',
      'a child is reaped before its exit is told',
      'each of 200 children exits and closes once',
    ],
  ],
  [
    'failures',
    [
      'ENOENT: the state at each moment',
      'a bad cwd',
      'E2BIG: an argument or an environment that is too large',
    ],
  ],
  [
    'stdio',
    ['every simple form gives the child the same descriptors', '10 MB through cat come back unchanged'],
  ],
  ['signals', ['kill of a live child', 'an AbortSignal that is aborted later', 'a timeout kills the child']],
  ['exec', ['exec gives the output to its callback', 'promisified exec', 'exec within and beyond maxBuffer']],
  ['fork', ['a forked program gets its arguments and a channel']],
  ['ipc', ['advanced: values come back as they were', 'the host lets go']],
  ['handles', ['a TCP socket']],
  ['environment', ['the environment of the host at the moment of the spawn', 'an empty environment']],
  ['identity', ['credentials, masks, dispositions and capabilities']],
  ['async-context', ['every listener runs in the context of the spawn']],
];

export const subject: Subject = {
  ...Object.fromEntries(
    again.flatMap(([subjectName, names]) =>
      names.map((name) => [
        `in a Worker: ${name}`,
        (context: Context) => runInWorker(context, subjectName, name),
      ]),
    ),
  ),

  'a child of a Worker lives on when the Worker ends': async (context) => {
    const { log } = context;
    const worker = startWorker(context, 'worker-fixtures', 'a child that stays');
    const exited = once(worker, 'exit');
    const pid = await childOf(worker);
    await exited;
    // PDEATHSIG would have come with the end of the thread; a turn of the process table later it would show.
    await new Promise((resolve) => setTimeout(resolve, 50));
    log('dead', isDead(pid));
    process.kill(pid, 'SIGKILL');
    await runUntil(() => isDead(pid));
  },

  'a child of a Worker that is terminated lives on': async (context) => {
    const { log } = context;
    const worker = startWorker(context, 'worker-fixtures', 'a child that stays and a Worker that stays');
    const pid = await childOf(worker);
    await worker.terminate();
    await new Promise((resolve) => setTimeout(resolve, 50));
    log('dead', isDead(pid));
    process.kill(pid, 'SIGKILL');
    await runUntil(() => isDead(pid));
  },

  'children of the host and of several Workers at once': async (context) => {
    const name = 'each of 200 children exits and closes once';
    const workers = [1, 2, 3].map(() => startWorker(context, 'events', name));
    const own = Array.from({ length: 20 }, () => context.cp.spawn('true', { stdio: 'ignore' }));
    const closes = await Promise.all(own.map((child) => once(child, 'close')));
    const transcripts = await Promise.all(workers.map((worker) => once(worker, 'message')));
    context.log('own', closes);
    context.log('workers', transcripts);
  },

  'Workers one after the other': async (context) => {
    for (let count = 0; count < 5; count++) {
      const worker = startWorker(context, 'events', 'the listeners of exit and close see the same state');
      const exited = once(worker, 'exit');
      context.log('transcript', (await once(worker, 'message'))[0]);
      await exited;
    }
  },
};

async function runInWorker(context: Context, subjectName: string, name: string) {
  const worker = startWorker(context, subjectName, name);
  const exited = once(worker, 'exit');
  context.log('transcript', (await once(worker, 'message'))[0]);
  context.log('exit', (await exited)[0]);
}

function startWorker({ implementation }: Context, subjectName: string, name: string) {
  return new Worker(new URL('../worker.js', import.meta.url), {
    workerData: { implementation, subjectName, name },
  });
}

async function childOf(worker: Worker) {
  return ((await once(worker, 'message')) as [{ pid: number }])[0].pid;
}
