import { once } from 'node:events';
import { parentPort } from 'node:worker_threads';
import type { Subject } from '../scenario.js';

/** Started by the scenarios of `workers`; no scenarios of their own. */
export const subject: Subject = {
  'a child that stays': ({ cp }) => {
    const child = cp.spawn('sleep', ['5'], { stdio: 'ignore' });
    child.unref();
    parentPort?.postMessage({ pid: child.pid });
  },

  'a child that stays and a Worker that stays': async ({ cp }) => {
    const child = cp.spawn('sleep', ['5'], { stdio: 'ignore' });
    parentPort?.postMessage({ pid: child.pid });
    await once(child, 'close');
  },
};
