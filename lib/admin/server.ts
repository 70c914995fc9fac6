import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, isIPv6 } from 'node:net';
import { atMost } from '../clock.js';
import { ProcguardError } from '../errors.js';
import { Actions } from './actions.js';
import { answer } from './answer.js';
import { Live } from './live.js';
import { type ServedMetrics, serveMetrics } from './metrics.js';
import { type AdminConfig, type AdminOptions, parseAdminOptions } from './options.js';
import { Sessions } from './sessions.js';
import { Watch } from './watch.js';

/** A server that answers until it is closed. */
export interface AdminServer {
  /** Of the page, as in `http://127.0.0.1:9736/`. */
  readonly url: string;
  readonly port: number;
  /** Takes no more requests, and ends those under way. The pools go on. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

// Answers that are under way; pages that are open are ended at once.
const closePatienceMs = 500;

/**
 * Serves `/healthz`, `/readyz`, `/metrics`, `/api/state` and a live page of these pools over HTTP: see `docs/monitoring.md`. Resolves
 * when it listens, by default on loopback, at a port that the system picks. Rejects with `ERR_PROCGUARD_INVALID_OPTION`, and with
 * `ERR_PROCGUARD_SYSTEM` when it can't listen there.
 *
 * ```ts
 * await using admin = await createAdminServer({ pools: [pool], port: 9736 });
 * console.log(admin.url);
 * ```
 */
export async function createAdminServer(options: AdminOptions): Promise<AdminServer> {
  const config = parseAdminOptions(options);
  const watch = new Watch(config.pools);
  const live = new Live(watch);
  const actions = new Actions(config.actions, watch);
  const metrics = await serveMetrics(config);
  const server = createServer();
  try {
    await listen(server, config);
  } catch (error) {
    metrics.stop();
    throw error;
  }
  const { address, port } = server.address() as AddressInfo;
  const context = { config, watch, live, actions, metrics: metrics.source, sessions: new Sessions(port) };
  server.on('request', (request, response) => void answer(context, request, response));
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= end(server, live, metrics);
    return closed;
  };
  return {
    url: `http://${isIPv6(address) ? `[${address}]` : address}:${port}/`,
    port,
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function listen(server: Server, { host, port }: AdminConfig): Promise<void> {
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    const { code, errno = 0 } = error as NodeJS.ErrnoException;
    const remedy = code === 'EADDRINUSE' ? 'Give another port, or 0.' : 'Give another host or port.';
    throw new ProcguardError(
      'ERR_PROCGUARD_SYSTEM',
      `The admin server can't listen on ${host}, port ${port} (${code}). ${remedy}`,
      { cause: error, errno, syscall: 'listen' },
    );
  }
}

async function end(server: Server, live: Live, metrics: ServedMetrics): Promise<void> {
  metrics.stop();
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  live.end();
  server.closeIdleConnections();
  await atMost(closePatienceMs, closed);
  server.closeAllConnections();
  await closed;
}
