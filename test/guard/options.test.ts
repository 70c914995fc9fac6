import test from 'ava';
import { Host, LINK } from '../helpers/host.js';
import { Lifelines } from '../helpers/lifelines.js';
import { childCount } from '../helpers/proc.js';

const BAD_GUARDS: [value: unknown, named: RegExp][] = [
  [0, /guard/],
  [1, /guard/],
  ['tree', /guard/],
  ['', /guard/],
  [null, /guard/],
  [[], /guard/],
  [{ containment: 'group' }, /containment.*group.*tree.*process/s],
  [{ containment: '' }, /containment/],
  [{ containment: true }, /containment/],
  [{ containment: null }, /containment/],
  [{ graceMs: -1 }, /graceMs.*-1.*300000/s],
  [{ graceMs: 300_001 }, /graceMs.*300001.*300000/s],
  [{ graceMs: 1.5 }, /graceMs/],
  [{ graceMs: '100' }, /graceMs/],
  [{ graceMs: null }, /graceMs/],
  [{ graceMS: 100 }, /`guard\.graceMS`: 100\. There is no such option\. Did you mean `graceMs`\?$/],
  [{ contain: 'tree' }, /Did you mean `containment`\?$/],
  [
    { containment: 'tree', graceMs: 100, more: 1 },
    /`guard\.more`: 1\. .*Those that there are: `containment`, `graceMs`\.$/,
  ],
];

for (const [guard, named] of BAD_GUARDS) {
  test.serial(`guard: ${JSON.stringify(guard)} throws before anything starts`, async (t) => {
    await using host = new Host();
    const error = await t.throwsAsync(host.start(['/bin/true', [], { guard }]));
    t.like(error, { code: 'ERR_PROCGUARD_INVALID_OPTION' });
    t.regex(error!.message, named);
    t.is(childCount(host.pid), 0);
  });
}

for (const method of ['fork', 'exec', 'execFile'] as const) {
  test.serial(`${method} checks its guard option too`, async (t) => {
    await using host = new Host();
    const args = method === 'exec' ? ['true', { guard: 1 }] : ['/bin/true', [], { guard: 1 }];
    t.like(await t.throwsAsync(host.start(args, { method })), { code: 'ERR_PROCGUARD_INVALID_OPTION' });
    t.is(childCount(host.pid), 0);
  });
}

for (const guard of [true, undefined, {}, { containment: 'tree' }, { graceMs: 0 }, { graceMs: 300_000 }]) {
  test.serial(`guard: ${JSON.stringify(guard)} is taken`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host();
    const options = guard === undefined ? { stdio: 'ignore' } : { stdio: 'ignore', guard };
    // A grace is the keeper's alone, and so is the link on macOS.
    const isKeepersAlone = LINK === 'pdeathsig' && JSON.stringify(guard)?.includes('300000');
    t.like(await host.start([lifelines.program, lifelines.arguments('child'), options]), {
      guard: { link: isKeepersAlone ? 'none' : LINK },
    });
  });
}

for (const [operation, options, meant] of [
  ['killTree', { grace: 100 }, 'graceMs'],
  ['killTree', { Signal: 'SIGINT' }, 'signal'],
  ['sweep', { dryrun: true }, 'dryRun'],
] as const) {
  test.serial(`${operation} names the option that ${JSON.stringify(options)} was meant to be`, async (t) => {
    await using host = new Host();
    const error = await t.throwsAsync(host.ask(operation, { pid: 0x7ffffffe, options }));
    t.like(error, { code: 'ERR_PROCGUARD_INVALID_OPTION' });
    t.true(error!.message.endsWith(`There is no such option. Did you mean \`${meant}\`?`), error!.message);
  });
}
