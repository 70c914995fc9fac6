import cluster from 'node:cluster';
import { once } from 'node:events';
import { get } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Context, Scenario, Subject } from '../scenario.js';

export const subject: Subject = {
  'a cluster serves, loses a worker and goes on': forRegister(async ({ log, fixture }) => {
    cluster.setupPrimary({ exec: fixture('cluster-worker.cjs'), args: [], silent: false });
    const workers = [cluster.fork({ CONFORMANCE: '1' }), cluster.fork({ CONFORMANCE: '2' })];
    const addresses = (await Promise.all(workers.map((worker) => once(worker, 'listening')))) as [
      { port: number },
    ][];
    const port = addresses[0]?.[0].port as number;
    log('same port', addresses[1]?.[0].port === port);
    const answers = await Promise.all(Array.from({ length: 6 }, () => request(port)));
    log(
      'answers',
      answers.every((answer) => /^worker [12]$/.test(answer)),
    );
    const [first, second] = workers;
    first?.process.kill('SIGKILL');
    log('exit', (await once(cluster, 'exit')).slice(1), first?.isDead(), first?.exitedAfterDisconnect);
    log('answer', await request(port));
    second?.on('disconnect', () => log('disconnect'));
    const ended = once(second as NonNullable<typeof second>, 'exit');
    await new Promise<void>((resolve) => cluster.disconnect(resolve));
    log('exit', await ended, second?.exitedAfterDisconnect);
    log('left', Object.keys(cluster.workers ?? {}));
  }),

  'a worker that is told to exit': forRegister(async ({ log, fixture }) => {
    cluster.setupPrimary({ exec: fixture('cluster-worker.cjs'), args: [], silent: false });
    const worker = cluster.fork({ CONFORMANCE: '3' });
    await once(worker, 'listening');
    worker.send('exit');
    log('exit', await once(worker, 'exit'), worker.isConnected(), worker.process.exitCode);
  }),
};

async function request(port: number) {
  const [response] = await once(get({ port, host: '127.0.0.1', agent: false }), 'response');
  return text(response);
}

function forRegister(run: (context: Context) => unknown): Scenario {
  return { run, registerOnly: true, alone: true };
}
