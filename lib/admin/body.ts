import type { IncomingMessage } from 'node:http';
import { HttpError } from './http-error.js';

const maxBytes = 8192;

/** A small JSON object; empty counts as `{}`. Throws `HttpError`. */
export async function readObject(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new HttpError(413, `The body may have ${maxBytes} bytes.`);
    chunks.push(chunk);
  }
  if (bytes === 0) return {};
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {}
  throw new HttpError(400, 'The body is not a JSON object.');
}
