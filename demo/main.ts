// npm run demo: workers that do real work, a host that is killed in the middle of it, and what is left then.

import { capabilities } from '../lib/index.js';
import { killGuarded } from './guarded-kill.js';
import { bad, good, grouped, heading, say, styled } from './screen.js';
import { Session } from './session.js';
import { killUnguarded } from './unguarded-kill.js';
import { finish } from './whole-run.js';
import { findLibrary, type Library } from './words.js';

process.exitCode = await main();

async function main(): Promise<number> {
  const session = new Session(findLibrary());
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, async () => {
      await session.cleanUp();
      process.exit(1);
    });
  }
  try {
    return (await tell(session)) ? 0 : 1;
  } finally {
    await session.cleanUp();
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
  const next = (text: string) => heading(`${kept.length + 1}. ${text}`);

  if (tree === 'cgroup') {
    next('Guard on, trees held by a cgroup: the host is killed with kill -9 half-way.');
    kept.push(await killGuarded(session, { guarded: true }));
  }
  next('Guard on, trees found by their mark, as where no cgroup can be made: kill -9 half-way.');
  kept.push(await killGuarded(session, { guarded: true, disable: 'cgroup' }));
  next('Guard off, for comparison: the same work, the same kill -9.');
  kept.push(await killUnguarded(session));
  next('Guard on, and nobody kills the host: the work is done to the end.');
  kept.push(await finish(session));

  heading('Result');
  const promised = !kept.includes(false);
  if (promised) good('With the guard on, nothing outlived its host. With the guard off, everything did.');
  else bad('Not as promised: see above.');
  say();
  return promised;
}

function introduce({ version, files, bytes }: Library): void {
  const size = `${grouped(files.length)} source files, ${(bytes / 1e6).toFixed(1)} MB`;
  say(styled('bold', 'procguard: your workers never outlive you, not even after kill -9.'));
  say();
  say(`The work: count the words in the standard library of Python ${version}, ${size}.`);
  say('Two workers share it, each with three child processes of its own: a plain one, one that called');
  say('setsid, and one that double-forked. All eight hold a file lock for as long as they live, and');
  say('nothing but their end releases it.');
}
