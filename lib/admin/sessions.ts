import { randomBytes } from 'node:crypto';
import { nowMs } from '../clock.js';

const lifeMs = 12 * 3_600_000;
const maxSessions = 100;

/** Browsers that have shown the token. They end with the server. */
export class Sessions {
  /** When each expires, by id, oldest first. */
  readonly #expiries = new Map<string, number>();

  readonly #cookieName: string;

  constructor(
    /** Of the server: a browser gives cookies to all ports of a host, and one login must not end another. */
    port: number,
    private readonly clock: () => number = nowMs,
  ) {
    this.#cookieName = `procguard_session_${port}`;
  }

  /** Returns the cookie to set. */
  open(isSecure: boolean): string {
    for (const id of this.#expiries.keys()) {
      if (this.#expiries.size < maxSessions) break;
      this.#expiries.delete(id);
    }
    const id = randomBytes(32).toString('base64url');
    this.#expiries.set(id, this.clock() + lifeMs);
    return this.#cookie(id, lifeMs / 1000, isSecure);
  }

  has(cookies: string | undefined): boolean {
    const id = this.#idOf(cookies);
    return id !== undefined && (this.#expiries.get(id) ?? 0) > this.clock();
  }

  /** Returns the cookie that takes it back. */
  close(cookies: string | undefined): string {
    const id = this.#idOf(cookies);
    if (id !== undefined) this.#expiries.delete(id);
    return this.#cookie('', 0, false);
  }

  #cookie(id: string, maxAgeS: number, isSecure: boolean): string {
    const flags = `HttpOnly; SameSite=Strict; Path=/; Max-Age=${maxAgeS}`;
    return `${this.#cookieName}=${id}; ${flags}${isSecure ? '; Secure' : ''}`;
  }

  #idOf(cookies: string | undefined): string | undefined {
    return new RegExp(`(?:^|;\\s*)${this.#cookieName}=([\\w-]+)`).exec(cookies ?? '')?.[1];
  }
}
