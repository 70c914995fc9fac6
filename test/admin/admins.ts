import { type IncomingMessage, type RequestOptions, request } from 'node:http';
import type { ExecutionContext } from 'ava';
import {
  type AdminOptions,
  type AdminServer,
  createAdminServer,
  type WatchedPool,
} from '../../lib/admin/index.js';
import type { Delta, WorkerDetail } from '../../lib/admin/messages.js';
import type { Pool } from '../../lib/index.js';
import { within } from '../helpers/deadline.js';

export const token = 'correct horse battery staple';
export const bearer = { authorization: `Bearer ${token}` };

/** A server that is closed after the test. */
export async function startAdmin(
  t: ExecutionContext,
  pool: WatchedPool,
  options: Omit<AdminOptions, 'pools'> = {},
): Promise<AdminServer> {
  const admin = await createAdminServer({ pools: [pool], ...options });
  t.teardown(() => admin.close());
  return admin;
}

export interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  text: string;
}

type Sent = Pick<RequestOptions, 'method' | 'headers'> & { body?: string };

/** Without the client's own ideas of what a header may say, which fetch has. */
export function ask({ port }: AdminServer, path: string, sent: Sent = {}): Promise<Answer> {
  const answered = new Promise<Answer>((resolve, reject) => {
    const { body, ...options } = sent;
    const asked = request({ host: '127.0.0.1', port, path, agent: false, ...options }, async (response) => {
      let text = '';
      for await (const chunk of response.setEncoding('utf8')) text += chunk;
      resolve({ status: response.statusCode!, headers: response.headers, text });
    });
    asked.on('error', reject);
    asked.end(body);
  });
  return within(answered, `an answer for ${path}`);
}

export function post(admin: AdminServer, path: string, headers: object = {}, body = '{}'): Promise<Answer> {
  return ask(admin, path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });
}

export interface StreamEvent {
  event: string;
  /** Of a snapshot, a delta or a detail. */
  data: Omit<Delta, 'nowMs'> & Partial<Omit<WorkerDetail, 'nowMs'>>;
}

/** The events of a stream, as they come. */
export function listen({ port }: AdminServer, path: string, headers = {}): EventReader {
  return new EventReader(request({ host: '127.0.0.1', port, path, agent: false, headers }));
}

export class EventReader {
  readonly response: Promise<IncomingMessage>;
  readonly events: StreamEvent[] = [];
  readonly ended: Promise<void>;
  #text = '';
  #wake = () => {};

  constructor(private readonly asked: ReturnType<typeof request>) {
    this.response = new Promise((resolve, reject) => {
      asked.once('response', resolve).once('error', reject);
    });
    this.ended = this.response.then(
      (response) =>
        new Promise<void>((resolve) => {
          response.setEncoding('utf8').on('data', (text: string) => this.#take(text));
          response.once('close', resolve).on('error', () => {});
        }),
    );
    asked.end();
  }

  /** The first of its events for which `found` is true, already there or yet to come. */
  find(found: (event: StreamEvent) => boolean, what: string): Promise<StreamEvent> {
    const seen = new Promise<StreamEvent>((resolve) => {
      this.#wake = () => {
        const event = this.events.find(found);
        if (event !== undefined) resolve(event);
      };
      this.#wake();
    });
    return within(seen, what);
  }

  close(): void {
    this.asked.destroy();
  }

  #take(text: string): void {
    this.#text += text;
    const blocks = this.#text.split('\n\n');
    this.#text = blocks.pop()!;
    for (const block of blocks) {
      const [, event, data] = /^event: (.*)\ndata: (.*)$/.exec(block) ?? [];
      if (event !== undefined) this.events.push({ event, data: JSON.parse(data!) });
    }
    this.#wake();
  }
}

/** A pool that stands for one, with some answers of its own. */
export function fakePool(parts: Partial<Pool> & { name?: string } = {}): WatchedPool {
  const { name = 'fake', ...others } = parts;
  return {
    stats: () => ({
      stage: 'open',
      size: 0,
      ready: 0,
      failed: 0,
      queued: 0,
      inFlight: 0,
      succeeded: 0,
      rejected: 0,
      cancelled: 0,
      workers: [],
    }),
    alerts: () => [],
    config: () =>
      ({
        name: { value: name, source: 'option' },
        maxQueue: { value: 100, source: 'default' },
      }) as ReturnType<Pool['config']>,
    inspect: () => undefined,
    stacks: async () => undefined,
    restart: async () => {},
    revive: () => {},
    close: async () => ({ drained: 0, killed: 0, survivors: 0, abandoned: 0, durationMs: 0 }),
    ...others,
  };
}
