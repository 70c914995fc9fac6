import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { startPool } from '../pool/pools.js';

const library = path.resolve(import.meta.dirname, '../../lib');

/** Runs a module in a process of its own, for what is read from the environment or written to stderr. */
async function run(code: string, environment: NodeJS.ProcessEnv = {}) {
  const module = `import { createRequire } from 'node:module';
    const isLoaded = () => Object.keys(createRequire('${library}/').cache).some((file) => file.includes('valibot'));
    ${code}`;
  const options = { env: { ...process.env, ...environment } };
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', module],
    options,
  );
  return { stdout: stdout.trim(), stderr };
}

const importPool = `const { Pool } = await import('${library}/index.js');`;
const makePool = `const pool = new Pool({ command: process.execPath, args: ['--version'] });`;
const closePool = 'await pool.close({ graceMs: 0 });';

test('R9.5 variables of the environment set the size and the name of a pool', async (t) => {
  const { stdout, stderr } = await run(
    `${importPool}${makePool}
     const { size, name } = pool.config();
     console.log(JSON.stringify([pool.stats().size, size, name]));
     ${closePool}`,
    { PROCGUARD_SIZE: '2', PROCGUARD_NAME: 'blue' },
  );
  t.deepEqual(JSON.parse(stdout), [
    2,
    { value: 2, source: 'environment', variable: 'PROCGUARD_SIZE' },
    { value: 'blue', source: 'environment', variable: 'PROCGUARD_NAME' },
  ]);
  t.is(stderr, '');
});

test('a misspelled variable is a warning, once, that names the real one; those of procguard itself are none', async (t) => {
  const { stderr } = await run(`${importPool}${makePool}${closePool}{ ${makePool}${closePool} }`, {
    PROCGUARD_HEARTBEAT_INTERVAL: '1000',
    PROCGUARD_ARGS: 'x',
    PROCGUARD_DISABLE: 'cgroup',
    PROCGUARD_PROTOCOL: '1',
    PROCGUARD_HOST_PID: '1',
    PROCGUARD_WORKER: 'x',
  });
  const warnings = stderr.split('\n').filter((line) => line.includes('ProcguardWarning'));
  t.is(warnings.length, 2, stderr);
  t.regex(
    stderr,
    /PROCGUARD_UNKNOWN_VARIABLE.*`PROCGUARD_HEARTBEAT_INTERVAL` sets nothing\. Did you mean `PROCGUARD_HEARTBEAT_INTERVAL_MS`\?/,
  );
  t.regex(stderr, /`PROCGUARD_ARGS` sets nothing\. `args` can be set in code only\./);
});

test('the validation library is loaded with the first pool, and by no import', async (t) => {
  const { stdout } = await run(
    `await import('${library}/register.js');
     ${importPool}
     console.log(isLoaded());
     ${makePool}
     console.log(isLoaded());
     ${closePool}`,
  );
  t.is(stdout, 'false\ntrue');
});

test('restart.maxFailedStarts and restart.backoffMs hold', async (t) => {
  const { pool } = startPool(t, {
    command: '/nonexistent/python',
    restart: { maxFailedStarts: 2, backoffMs: 10, maxBackoffMs: 10 },
  });
  await t.throwsAsync(pool.ready(), {
    code: 'ERR_PROCGUARD_POOL_FAILED',
    message: /failed to start twice in a row/,
  });
  t.like(pool.stats().workers[0], { restarts: 1, state: 'failed' });
  t.deepEqual(pool.config()['restart.maxFailedStarts'], { value: 2, source: 'option' });
});
