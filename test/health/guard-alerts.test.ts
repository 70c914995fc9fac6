import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import test from 'ava';
import type { Alert, Capabilities, Downgrade, PoolOptions } from '../../lib/index.js';
import { fixture } from '../helpers/fixtures.js';
import { plainWorker } from '../pool/pools.js';

interface Seen {
  /** Codes of the alerts before anything was done. */
  before: string[];
  killed: number[];
  alerts: Alert[];
  works: string;
  keeper: Capabilities['keeper'];
  /** Each event of the keeper, with its pid and how often another had been started by then. */
  told: [what: 'start' | 'lost', pid: number, restarts: number][];
}

async function seeAlert(
  code: string,
  disable: string,
  { kills = 0, options = {} }: { kills?: number; options?: Partial<PoolOptions> } = {},
): Promise<Seen> {
  const given = { ...plainWorker, size: 1, ...options };
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    [fixture('alert-host.mjs'), JSON.stringify({ code, kills, options: given })],
    { env: { ...process.env, PROCGUARD_DISABLE: disable }, timeout: 60_000 },
  );
  if (stderr !== '') throw new Error(stderr);
  return JSON.parse(stdout);
}

const codesOf = ({ evidence }: Alert) => (evidence.downgrades as Downgrade[]).map(({ code }) => code);

for (const [disable, tree, code] of [
  ['cgroup', 'mark', 'cgroup_disabled'],
  ['keeper', 'none', 'keeper_disabled'],
  ['platform', 'none', 'platform_unsupported'],
] as const) {
  test.serial(
    `R10.5 a pool whose workers are guarded less than was asked for says so (${code})`,
    async (t) => {
      const { alerts, works } = await seeAlert('guard_downgraded', disable, { options: { size: 3 } });
      t.is(works, 'works');
      t.is(alerts.length, 1);
      const [alert] = alerts as [Alert];
      t.like(alert, { severity: 'warning' });
      t.is(alert.slot, undefined);
      t.regex(alert.message, new RegExp(code));
      t.like(alert.evidence, { link: disable === 'platform' ? 'none' : 'pdeathsig', tree });
      t.true(codesOf(alert).includes(code));
      for (const { message, remedy } of alert.evidence.downgrades as Downgrade[]) {
        t.true(message.length > 0);
        t.true(remedy.length > 0);
      }
    },
  );
}

for (const disable of ['', 'pidfd']) {
  test.serial(
    `R10.5 a keeper that dies while the host lives is an alert, and another runs (without: ${disable || 'nothing'})`,
    async (t) => {
      const { alerts, killed, keeper, told } = await seeAlert('keeper_lost', disable, { kills: 1 });
      t.is(alerts.length, 1);
      t.like(alerts[0], { severity: 'warning' });
      t.like(alerts[0]!.evidence, { pid: killed[0] });
      t.like(keeper, { state: 'running', restarts: 1 });
      t.not(keeper.pid, killed[0]);
      // The host may have replaced it before its end is told.
      t.deepEqual(
        told.map(([what, pid]) => [what, pid]),
        [
          ['start', killed[0]],
          ['lost', killed[0]],
          ['start', keeper.pid],
        ],
      );
    },
  );
}

test.serial(
  'keepers that die again and again are one alert, and a guard that is weaker for it another',
  async (t) => {
    const { alerts, killed } = await seeAlert('keeper_lost', '', { kills: 6 });
    t.is(alerts.length, 1);
    t.is(alerts[0]!.evidence.pid, killed[0]);
    // Nothing else is weaker then, whatever this machine has.
    const guard = { containment: 'process' } as const;
    const weaker = await seeAlert('guard_downgraded', '', { kills: 9, options: { guard } });
    t.deepEqual(weaker.alerts.map(codesOf), [['keeper_failed']]);
  },
);

test.serial(
  'R9.4 telemetry.keeper: false publishes no event of the keeper, and the alert all the same',
  async (t) => {
    const options = { telemetry: { keeper: false } };
    const { alerts, told } = await seeAlert('keeper_lost', '', { kills: 1, options });
    t.is(alerts.length, 1);
    t.deepEqual(told, []);
  },
);

test.serial('what the option guard asks for is no downgrade', async (t) => {
  const guard = { containment: 'process', graceMs: 500 } as const;
  const { before } = await seeAlert('keeper_lost', '', { kills: 1, options: { guard } });
  t.deepEqual(before, []);
});
