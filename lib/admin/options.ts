import { isIP } from 'node:net';
import { checkKeys, invalidOption, ProcguardError } from '../errors.js';
import { nameOf, type WatchedPool } from './source.js';

/** As a registry of prom-client. */
export interface MetricsSource {
  readonly contentType: string;
  metrics(): Promise<string>;
}

export interface AdminOptions {
  /** At least one; their names must differ. */
  readonly pools: readonly WatchedPool[];
  /** 0 to 65535; 0, the default: the system picks one. */
  readonly port?: number | undefined;
  /** An address, or a name for one. The default is `'127.0.0.1'`; any other than loopback needs a `token`. */
  readonly host?: string | undefined;
  /** At least 16 characters. With it, all but the probes and the empty page asks for it. */
  readonly token?: string | undefined;
  /** Lets the page restart, revive and drain pools and ask workers for their stacks. Needs a `token`; the default is `false`. */
  readonly actions?: boolean | undefined;
  /** Ready workers that each pool must have for `/readyz`, 0 to 10000; the default is 1. */
  readonly minReady?: number | undefined;
  /** Names by which the server is reached, as behind a proxy; `localhost` and addresses are always allowed. */
  readonly allowedHosts?: readonly string[] | undefined;
  /** What `/metrics` answers, as a registry of prom-client; `false` for nothing. The default are those of `procguard/prometheus` for these pools. */
  readonly metrics?: MetricsSource | false | undefined;
}

export interface AdminConfig {
  readonly pools: ReadonlyMap<string, WatchedPool>;
  readonly port: number;
  readonly host: string;
  readonly token: string | undefined;
  readonly actions: boolean;
  readonly minReady: number;
  readonly allowedHosts: ReadonlySet<string>;
  /** Undefined: those of these pools. */
  readonly metrics: MetricsSource | false | undefined;
}

const keys = ['pools', 'port', 'host', 'token', 'actions', 'minReady', 'allowedHosts', 'metrics'];
const minTokenChars = 16;

/** Throws `ERR_PROCGUARD_INVALID_OPTION`. */
export function parseAdminOptions(options: AdminOptions): AdminConfig {
  checkKeys('options', options, keys);
  const { port = 0, host = '127.0.0.1', token, actions = false, minReady = 1, allowedHosts = [] } = options;
  checkWhole('port', port, 65_535);
  checkWhole('minReady', minReady, 10_000);
  if (typeof host !== 'string' || host === '') throw invalidOption('host', host, 'an address or a name');
  if (typeof actions !== 'boolean') throw invalidOption('actions', actions, 'true or false');
  if (token !== undefined && (typeof token !== 'string' || token.length < minTokenChars)) {
    // Not the value: errors are logged.
    const given = typeof token === 'string' ? `a text of ${token.length} characters` : `a ${typeof token}`;
    throw new ProcguardError(
      'ERR_PROCGUARD_INVALID_OPTION',
      `Invalid option \`token\`: ${given}. Allowed: at least ${minTokenChars} characters.`,
    );
  }
  if (token === undefined && !isLoopback(host)) {
    throw invalidOption(
      'host',
      host,
      'a loopback address while there is no `token`; give one to let others in',
    );
  }
  if (token === undefined && actions) {
    throw invalidOption('actions', actions, 'true only together with a `token`');
  }
  if (!Array.isArray(allowedHosts) || allowedHosts.some((name) => typeof name !== 'string')) {
    throw invalidOption('allowedHosts', allowedHosts, 'an array of names, without ports');
  }
  const { metrics } = options;
  if (metrics !== undefined && metrics !== false && typeof metrics?.metrics !== 'function') {
    throw invalidOption('metrics', metrics, 'a registry of prom-client, or false');
  }
  return {
    pools: byName(options.pools),
    port,
    host,
    token,
    actions,
    minReady,
    allowedHosts: new Set(allowedHosts.map((name) => name.toLowerCase())),
    metrics,
  };
}

function byName(pools: readonly WatchedPool[]): Map<string, WatchedPool> {
  if (!Array.isArray(pools) || pools.length === 0 || pools.some((pool) => !isPool(pool))) {
    throw invalidOption('pools', pools, 'an array of at least one Pool');
  }
  const named = new Map<string, WatchedPool>();
  for (const pool of pools) {
    const name = nameOf(pool);
    if (named.has(name))
      throw invalidOption('pools', name, 'pools with names that differ; see `name` of Pool');
    named.set(name, pool);
  }
  return named;
}

function isPool(pool: unknown): boolean {
  return typeof (pool as WatchedPool | null)?.stats === 'function';
}

function checkWhole(option: string, value: unknown, max: number): void {
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max) return;
  throw invalidOption(option, value, `a whole number from 0 to ${max}`);
}

export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host === '::1') return true;
  return isIP(host) === 4 && host.startsWith('127.');
}
