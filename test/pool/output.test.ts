import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import test from 'ava';
import { fixture as program, ROOT } from '../helpers/fixtures.js';

const worker = `import procguard, time
@procguard.handler
def say():
    procguard.log.info("first")
    procguard.log.info("second")
    time.sleep(0.5)  # a worker that is killed for its log dies meanwhile
    return "answered"
procguard.serve()`;

test('an onOutput that throws is the fault of the host, and no worker is ended for it', async (t) => {
  const { stdout } = await promisify(execFile)(process.execPath, [program('output-host.mjs'), worker], {
    cwd: ROOT,
  });
  t.deepEqual(stdout.trim().split('\n').sort(), [
    '0 restarts',
    'answered',
    'second',
    'uncaught the log is full',
  ]);
});
