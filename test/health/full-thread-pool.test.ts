import test from 'ava';
import { Pool } from '../../lib/index.js';
import { within } from '../helpers/deadline.js';
import { takeThreadPool } from '../helpers/thread-pool.js';
import { fixture, lives } from '../pool/pools.js';
import { intervalMs } from './hangs.js';

const patienceMs = 60_000;

test.serial(
  'a worker that hangs is replaced and ended though no thread of the pool is free, and so is a close',
  async (t) => {
    const letGo = takeThreadPool();
    t.teardown(letGo);
    const pool = new Pool({
      command: 'python3',
      args: [fixture('hanging_worker.py')],
      size: 1,
      heartbeat: { intervalMs },
      onOutput: () => {},
    });
    const pid = (await pool.call('pid')) as number;
    const rejected = pool.call('sleep_long').catch((error: Error) => error) as Promise<Error>;
    process.kill(pid, 'SIGSTOP');
    t.regex((await within(rejected, 'the request to be rejected', patienceMs)).message, /ended by SIGKILL/);
    t.false(lives(pid));
    const successor = (await pool.call('pid')) as number;
    t.not(successor, pid);
    process.kill(successor, 'SIGSTOP');
    await t.throwsAsync(within(pool.close({ graceMs: 0 }), 'the close', patienceMs), {
      code: 'ERR_PROCGUARD_SYSTEM',
    });
    t.false(lives(successor));
  },
);
