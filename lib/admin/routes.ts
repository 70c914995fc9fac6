import type { IncomingMessage, ServerResponse } from 'node:http';
import { isAuthenticated, isSameSecret } from './access.js';
import type { Actions } from './actions.js';
import { readObject } from './body.js';
import { showDetail } from './detail.js';
import { HttpError } from './http-error.js';
import type { Live } from './live.js';
import type { Session } from './messages.js';
import type { AdminConfig, MetricsSource } from './options.js';
import { unreadiness } from './readiness.js';
import { sendJson, sendText } from './reply.js';
import type { Sessions } from './sessions.js';
import type { WatchedPool } from './source.js';
import type { Watch } from './watch.js';

/** What the answers are made of. */
export interface Context {
  readonly config: AdminConfig;
  readonly watch: Watch;
  readonly live: Live;
  readonly actions: Actions;
  /** Of `/metrics`; undefined: there are none. */
  readonly metrics: MetricsSource | undefined;
  readonly sessions: Sessions;
}

export interface Exchange extends Context {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** What the pattern's groups found. */
  readonly found: readonly string[];
}

export interface Route {
  readonly method: 'GET' | 'POST';
  readonly pattern: RegExp;
  /** `probe`: whoever asks. `open`: without the token. `closed`: with it, where there is one. */
  readonly access: 'probe' | 'open' | 'closed';
  readonly answer: (exchange: Exchange) => void | Promise<void>;
}

const ofPool = '/api/pools/([^/]+)';
const ofSlot = `${ofPool}/workers/(\\d{1,5})`;

export const routes: readonly Route[] = [
  { method: 'GET', pattern: /^\/healthz$/, access: 'probe', answer: live },
  { method: 'GET', pattern: /^\/readyz$/, access: 'probe', answer: ready },
  { method: 'GET', pattern: /^\/metrics$/, access: 'closed', answer: metrics },
  { method: 'GET', pattern: /^\/api\/state$/, access: 'closed', answer: state },
  { method: 'GET', pattern: /^\/api\/stream$/, access: 'closed', answer: stream },
  { method: 'GET', pattern: new RegExp(`^${ofSlot}/stream$`), access: 'closed', answer: detail },
  { method: 'GET', pattern: /^\/api\/session$/, access: 'open', answer: session },
  { method: 'POST', pattern: /^\/api\/login$/, access: 'open', answer: login },
  { method: 'POST', pattern: /^\/api\/logout$/, access: 'open', answer: logout },
  {
    method: 'POST',
    pattern: new RegExp(`^${ofPool}/(restart|drain|revive)$`),
    access: 'closed',
    answer: act,
  },
  { method: 'POST', pattern: new RegExp(`^${ofSlot}/stacks$`), access: 'closed', answer: stacks },
];

function live({ response }: Exchange): void {
  sendText(response, 200, 'ok');
}

function ready({ response, config }: Exchange): void {
  const reasons = unreadiness(config.pools, config.minReady);
  if (reasons.length === 0) sendText(response, 200, 'ready');
  else sendText(response, 503, `not ready\n${reasons.join('\n')}`);
}

async function metrics({ response, metrics: source }: Exchange): Promise<void> {
  if (source === undefined) {
    throw new HttpError(404, 'No metrics: the option metrics is false.');
  }
  const text = await source.metrics();
  sendText(response, 200, text, { 'Content-Type': source.contentType });
}

async function state({ response, watch }: Exchange): Promise<void> {
  sendJson(response, 200, await watch.sampledSnapshot());
}

function stream(exchange: Exchange): void {
  exchange.live.showAll(exchange.response, () => isLoggedIn(exchange));
}

function detail(exchange: Exchange): void {
  const { live, response } = exchange;
  showDetail(live, response, () => isLoggedIn(exchange), poolOf(exchange).pool, slotOf(exchange));
}

function session(exchange: Exchange): void {
  const { response, config } = exchange;
  const answer: Session = {
    isAuthenticated: isLoggedIn(exchange),
    needsToken: config.token !== undefined,
    actions: config.actions,
  };
  sendJson(response, 200, answer);
}

async function login({ request, response, config, sessions }: Exchange): Promise<void> {
  const { token } = await readObject(request);
  const isRight =
    config.token !== undefined && typeof token === 'string' && isSameSecret(token, config.token);
  if (!isRight) throw new HttpError(401, 'That is not the token of this server.');
  const isSecure = request.headers.origin?.startsWith('https:') ?? false;
  sendJson(response, 200, {}, { 'Set-Cookie': sessions.open(isSecure) });
}

function logout({ request, response, sessions }: Exchange): void {
  sendJson(response, 200, {}, { 'Set-Cookie': sessions.close(request.headers.cookie) });
}

function act(exchange: Exchange): void {
  const { name, pool } = poolOf(exchange);
  exchange.actions[exchange.found[1] as 'restart' | 'drain' | 'revive'](name, pool);
  sendJson(exchange.response, 202, {});
}

async function stacks(exchange: Exchange): Promise<void> {
  const { name, pool } = poolOf(exchange);
  const text = await exchange.actions.stacks(name, pool, slotOf(exchange));
  sendJson(exchange.response, 200, { stacks: text });
}

function isLoggedIn({ request, config, sessions }: Exchange): boolean {
  return isAuthenticated(request, config.token, sessions);
}

function poolOf({ config, found }: Exchange): { name: string; pool: WatchedPool } {
  // Names of pools need no escapes.
  const name = found[0] as string;
  const pool = config.pools.get(name);
  if (pool === undefined) throw new HttpError(404, 'There is no pool of that name.');
  return { name, pool };
}

function slotOf({ found }: Exchange): number {
  return Number(found[1]);
}
