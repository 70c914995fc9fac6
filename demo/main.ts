// npm run demo: a pool of workers that do real work; it is restarted and drained, and then a host with such a pool is killed.
// npm run demo -- --dashboard: such a pool at work, on a page, until Ctrl-C.

import { parseArgs } from 'node:util';
import { capabilities } from '../lib/index.js';
import { batchesOf } from './batches.js';
import { showDashboard } from './dashboard.js';
import { drain } from './drain.js';
import { killGuarded } from './guarded-kill.js';
import { LAYERS, PROCESSES, WORKERS } from './layers.js';
import { restartUnderLoad } from './rolling-restart.js';
import { bad, good, grouped, heading, say, styled } from './screen.js';
import { Session } from './session.js';
import { killUnguarded } from './unguarded-kill.js';
import { findLibrary, type Library } from './words.js';
import { work } from './work.js';

const USAGE = `usage: npm run demo [-- --dashboard]

--dashboard: only the pool at work, on a live page, until Ctrl-C`;

process.exitCode = await main();

async function main(): Promise<number> {
  const values = readOptions();
  if (values === undefined) {
    console.error(USAGE);
    return 1;
  }
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const session = new Session(findLibrary());
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, async () => {
      await session.cleanUp();
      // It is the usual way to end the page.
      process.exit(values.dashboard && signal === 'SIGINT' ? 0 : 1);
    });
  }
  try {
    if (values.dashboard) {
      introduce(session.library);
      await showDashboard(session, batchesOf(session.library.files));
      return 0;
    }
    return (await tell(session)) ? 0 : 1;
  } finally {
    await session.cleanUp();
  }
}

/** Undefined when they can't be right. */
function readOptions(): { readonly dashboard: boolean; readonly help: boolean } | undefined {
  try {
    const options = {
      dashboard: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    } as const;
    return parseArgs({ options }).values;
  } catch (error) {
    console.error((error as Error).message);
    return undefined;
  }
}

/** The story. Returns whether everything went as promised. */
async function tell(session: Session): Promise<boolean> {
  introduce(session.library);
  const { link, tree, downgrades } = capabilities();
  if (link === 'none') {
    say();
    bad('This platform has no guard yet. Workers start here, but nothing ties them to their host.');
    return false;
  }
  if (tree === 'none') {
    say();
    for (const { message } of downgrades) bad(message);
  }
  const kept: boolean[] = [];
  const next = (...text: string[]) => heading(`${kept.length + 1}. ${text.join('\n   ')}`);

  const batches = batchesOf(session.library.files);
  const counting = session.open();
  next(`A pool of ${WORKERS} workers does the work, ${batches.length} calls.`);
  kept.push(await work(counting, batches));
  next('A rolling restart: every worker is replaced while calls keep coming.');
  kept.push(await restartUnderLoad(session, counting, batches));
  next('A drain: the pool is closed while calls are in flight and more are waiting.');
  kept.push(await drain(session, counting, batches));

  if (tree === 'cgroup') {
    next(
      'Guard on: kill -9 of a host whose pool counts it all ten times over, and streams how far it is.',
      'The kernel ends the workers. The keeper ends their trees, which a cgroup holds. One worker is',
      'stopped (SIGSTOP) before: it can notice nothing, and must go all the same.',
    );
    kept.push(await killGuarded(session, 'cgroup'));
  }
  next(
    'Guard on, as where no cgroup can be made: the same kill -9.',
    'The kernel ends the workers. The keeper finds their trees by the mark in their environment.',
  );
  kept.push(await killGuarded(session, 'mark'));
  next(
    'Guard off, for comparison: the same pool, the same kill -9.',
    'Only the Python SDK is left: a running worker notices that its host has gone.',
  );
  kept.push(await killUnguarded(session));

  heading('Result');
  const promised = !kept.includes(false);
  if (promised) {
    good('No call was lost, neither by the restart nor by the drain.');
    good('Guard on, nothing outlived its host. Guard off, all grandchildren did, and the stopped worker.');
  } else bad('Not as promised: see above.');
  say();
  return promised;
}

function introduce({ version, files, bytes }: Library): void {
  const children = LAYERS.length - 1;
  const size = `${grouped(files.length)} source files, ${(bytes / 1e6).toFixed(1)} MB`;
  say(styled('bold', 'procguard: your workers never outlive you, not even after kill -9.'));
  say();
  say(`The work: count the words in the standard library of Python ${version}, ${size}.`);
  say(
    `The ${WORKERS} Python workers of a pool share it, each with ${children} child processes of its own that count`,
  );
  say(
    `too: a plain one, one that called setsid, and one that double-forked. All ${PROCESSES} hold a file lock`,
  );
  say('for as long as they live, and nothing but their end releases it.');
}
