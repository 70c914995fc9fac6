import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { HttpError } from './http-error.js';
import type { Sessions } from './sessions.js';

/**
 * Refuses a request whose Host is a name that this server isn't known by: a page of that name, whose name server
 * gives our address, would count as the same origin. An address can't be given away like that. Throws `HttpError`.
 */
export function checkHost(request: IncomingMessage, allowedHosts: ReadonlySet<string>): void {
  const name = hostName(request.headers.host);
  if (name === 'localhost' || isIP(name) !== 0 || allowedHosts.has(name)) return;
  throw new HttpError(403, `The host ${JSON.stringify(name)} is not allowed. Add it to allowedHosts.`);
}

/** Without port and brackets. */
function hostName(host = ''): string {
  const bracketed = /^\[([^\]]*)\](:\d+)?$/.exec(host);
  return (bracketed?.[1] ?? host.replace(/:\d+$/, '')).toLowerCase();
}

/** Refuses what another site's page has sent. Throws `HttpError`. */
export function checkOrigin(request: IncomingMessage): void {
  const { origin, host } = request.headers;
  const site = request.headers['sec-fetch-site'];
  const isNavigation = request.headers['sec-fetch-mode'] === 'navigate' && request.method === 'GET';
  const isForeignSite = site !== undefined && site !== 'same-origin' && site !== 'none' && !isNavigation;
  if (isForeignSite || (origin !== undefined && originHost(origin) !== host?.toLowerCase())) {
    throw new HttpError(403, 'Requests from other sites are refused.');
  }
}

/** A page always names its origin when it sends something. A program that sends the token needs none. Throws `HttpError`. */
export function checkSender(request: IncomingMessage): void {
  if (request.headers.origin === undefined && request.headers.authorization === undefined) {
    throw new HttpError(403, 'Send the Origin header, or the token as Authorization: Bearer.');
  }
  if (!/^application\/json(;|$)/i.test(request.headers['content-type'] ?? '')) {
    throw new HttpError(415, 'Send JSON, with Content-Type: application/json.');
  }
}

// A proxy that ends TLS passes the Host on, and speaks http with this server: the scheme can't be compared.
function originHost(origin: string): string | undefined {
  try {
    return new URL(origin).host;
  } catch {
    return undefined;
  }
}

/** Whether the request carries the token, or the cookie of a session that was opened with it. */
export function isAuthenticated(
  request: IncomingMessage,
  token: string | undefined,
  sessions: Sessions,
): boolean {
  if (token === undefined) return true;
  const bearer = /^Bearer +(.+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (bearer !== undefined) return isSameSecret(bearer, token);
  return sessions.has(request.headers.cookie);
}

/** Takes the same time for all that are wrong, however much of it is right and whatever its length. */
export function isSameSecret(given: string, secret: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(secret));
}
