import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { securityHeaders } from './headers.js';

// From dist/lib/admin, and from the package's own folder.
const compiled = path.join(import.meta.dirname, 'page');
const written = path.join(import.meta.dirname, '../../../lib/admin/page');
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** The file that a path of the page stands for. */
export function assetAt(urlPath: string): string | undefined {
  if (urlPath === '/') return path.join(written, 'index.html');
  const name = /^\/page\/([a-z-]+\.(?:js|css|svg)|vendor\/uplot\.(?:js|css))$/.exec(urlPath)?.[1];
  if (name === undefined) return undefined;
  const { resolve } = createRequire(import.meta.url);
  if (name === 'vendor/uplot.js') return resolve('uplot/dist/uPlot.esm.js');
  if (name === 'vendor/uplot.css') return resolve('uplot/dist/uPlot.min.css');
  return path.join(name.endsWith('.js') ? compiled : written, name);
}

/** Returns false when there is no such file. */
export async function sendAsset(
  file: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  const body = await readFile(file).catch(() => undefined);
  if (body === undefined) return false;
  const tag = `"${createHash('sha256').update(body).digest('base64url')}"`;
  const isKnown = request.headers['if-none-match'] === tag;
  response.writeHead(isKnown ? 304 : 200, {
    ...securityHeaders,
    'Cache-Control': 'no-cache',
    'Content-Type': types[path.extname(file)],
    ETag: tag,
  });
  response.end(isKnown || request.method === 'HEAD' ? undefined : body);
  return true;
}
