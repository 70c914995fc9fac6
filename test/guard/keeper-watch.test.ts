import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import test from 'ava';
import { fixture } from '../helpers/fixtures.js';

for (const disable of ['', 'pidfd']) {
  test.serial(
    `who listens is told of each keeper's start and end, starts none, and ends when its program does (without: ${disable || 'nothing'})`,
    async (t) => {
      const { stdout, stderr } = await promisify(execFile)(
        process.execPath,
        [fixture('keeper-watch-host.mjs')],
        {
          env: { ...process.env, PROCGUARD_DISABLE: disable },
          timeout: 60_000,
        },
      );
      t.is(stderr, '');
      const { beforeAnyChild, heard, first, second, third, late } = JSON.parse(stdout);
      t.is(beforeAnyChild, 0);
      t.deepEqual(
        heard.map(([what, pid]: [string, number]) => [what, pid]),
        [
          ['started', first],
          ['lost', first],
          ['started', second],
        ],
      );
      t.deepEqual([heard[0][2], heard[2][2]], [0, 1]);
      t.deepEqual(late, [third]);
    },
  );
}
