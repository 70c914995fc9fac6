import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Context, Subject } from '../scenario.js';

export const subject: Subject = {
  'the first folder that has the program wins': async (context) => {
    const { first, second } = folders(context);
    await run(context, { PATH: `${first}:${second}` });
    await run(context, { PATH: `${second}:${first}` });
    await run(context, { PATH: `/nowhere:${second}:${first}` });
  },

  'a program that may not be executed is passed over': async (context) => {
    const { dir, second } = folders(context);
    mkdirSync(join(dir, 'plain'));
    writeFileSync(join(dir, 'plain', 'tool'), '', { mode: 0o644 });
    await run(context, { PATH: `${dir}/plain:${second}` });
    await run(context, { PATH: `${dir}/plain:/nowhere` });
    await run(context, { PATH: `/nowhere:${dir}/plain` });
  },

  'a folder by the name of the program is passed over': async (context) => {
    const { dir, second } = folders(context);
    mkdirSync(join(dir, 'third', 'tool'), { recursive: true });
    await run(context, { PATH: `${dir}/third:${second}` });
    await run(context, { PATH: `${dir}/third` });
  },

  'a file in PATH is passed over': async (context) => {
    const { first, second } = folders(context);
    await run(context, { PATH: `${first}/tool:${second}` });
    await run(context, { PATH: `${first}/tool` });
  },

  'a link that leads to itself ends the search or not, as in Node': async (context) => {
    const { dir, second } = folders(context);
    mkdirSync(join(dir, 'loop'));
    symlinkSync('tool', join(dir, 'loop', 'tool'));
    await run(context, { PATH: `${dir}/loop:${second}` });
    await run(context, { PATH: `${'/x'.repeat(3000)}:${second}` });
    await run(context, { PATH: `/${'x'.repeat(300)}:${second}` });
  },

  'a script whose interpreter is missing': async (context) => {
    const { dir, second } = folders(context);
    mkdirSync(join(dir, 'broken'));
    writeFileSync(join(dir, 'broken', 'tool'), '#!/no/such/interpreter\n', { mode: 0o755 });
    await run(context, { PATH: `${dir}/broken:${second}` });
    await run(context, { PATH: `${dir}/broken` });
  },

  'a script without a first line for the kernel is found': async (context) => {
    const { dir, second } = folders(context);
    mkdirSync(join(dir, 'bare'));
    writeFileSync(join(dir, 'bare', 'tool'), 'echo bare "$0" "$@"\n', { mode: 0o755 });
    await run(context, { PATH: `${dir}/bare:${second}` });
  },

  'empty and relative elements are relative to the cwd of the child': async (context) => {
    const { first, second } = folders(context);
    await run(context, { PATH: `:${second}` }, first);
    await run(context, { PATH: `${second}:` }, first);
    await run(context, { PATH: '/nowhere:' }, first);
    await run(context, { PATH: '/nowhere::/nowhere/else' }, first);
    await run(context, { PATH: '' }, first);
    await run(context, { PATH: '.' }, first);
    await run(context, { PATH: '../second' }, first);
    await run(context, { PATH: 'first:second' });
    await run(context, { PATH: 'first:second' }, context.dir);
  },

  'a name with a slash is not searched for': async (context) => {
    const { first, second } = folders(context);
    await run(context, { PATH: second }, first, './tool');
    await run(context, { PATH: second }, join(first, '..'), 'first/tool');
    await run(context, { PATH: first }, second, '../second/tool');
    await run(context, { PATH: first }, second, 'nowhere/tool');
  },

  'the PATH of the child counts, not that of the host': async (context) => {
    const { first, second } = folders(context);
    process.env.PATH = `${first}:${process.env.PATH}`;
    await run(context, undefined);
    await run(context, { PATH: second });
    await run(context, { PATH: '/nowhere' });
    await run(context, {});
    await run(context, { Path: second });
    process.env.PATH = `${second}:${process.env.PATH}`;
    await run(context, undefined);
  },

  'without PATH the system folders are searched': async (context) => {
    const { first } = folders(context);
    await run(context, { HOME: '/' }, first);
    await run(context, {}, first, 'printenv');
    delete process.env.PATH;
    await run(context, undefined, first);
    await run(context, undefined, first, 'printenv');
  },

  'two PATHs in one environment': async (context) => {
    const { first, second } = folders(context);
    await run(context, { PATH: first, path: second });
    await run(context, Object.create({ PATH: first }));
    await run(context, Object.assign(Object.create({ PATH: first }), { PATH: second }));
    await run(context, { PATH: undefined });
  },

  'the PATH that is searched before the shell is asked': async (context) => {
    const { first, second } = folders(context);
    await run(context, { PATH: first }, second, 'sh');
  },
};

function folders({ dir }: Context) {
  for (const name of ['first', 'second']) {
    mkdirSync(join(dir, name));
    writeFileSync(join(dir, name, 'tool'), `#!/bin/sh\necho ${name} "$0" "$@"\n`, { mode: 0o755 });
  }
  return { dir, first: join(dir, 'first'), second: join(dir, 'second') };
}

async function run(context: Context, env: NodeJS.ProcessEnv | undefined, cwd?: string, file = 'tool') {
  const { cp, attempt, follow, transcript } = context;
  const child = attempt(`spawn ${file}`, () =>
    cp.spawn(file, ['x'], { ...(env && { env }), ...(cwd && { cwd }) }),
  );
  if (child) await follow(child, `child ${Object.keys(transcript.lanes).length}`);
}
