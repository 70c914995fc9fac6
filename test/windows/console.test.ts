import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import test from 'ava';
import { within } from '../helpers/deadline.js';
import { fixture, ROOT } from '../helpers/fixtures.js';

const CONTROL_C_EXIT = 0xc000013a;

function start(...options: string[]): ChildProcess {
  const args = [fixture('windows/console-host.mjs'), ...options];
  return spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
}

// No test presses a key: the host says to itself what Node says to it when one was pressed.
for (const signal of ['SIGBREAK', 'SIGINT']) {
  test.serial(
    `a host that handles signals drains at ${signal}, and ends as Windows would end it`,
    async (t) => {
      const host = start(signal);
      const said = text(host.stdout!);
      const [code] = await within(once(host, 'exit'), 'the host to end');
      t.is(code, CONTROL_C_EXIT);
      t.deepEqual((await said).split('\n'), ['answered done', '']);
    },
  );
}
