import type { IncomingMessage, ServerResponse } from 'node:http';
import { checkHost, checkOrigin, checkSender, isAuthenticated } from './access.js';
import { assetAt, sendAsset } from './assets.js';
import { HttpError } from './http-error.js';
import { sendText } from './reply.js';
import { type Context, type Route, routes } from './routes.js';

/** Answers one request. Never rejects. */
export async function answer(
  context: Context,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    await dispatch(context, request, response);
  } catch (error) {
    if (!(error instanceof HttpError)) warnOf(request, error as Error);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const known = error instanceof HttpError;
    // What comes from elsewhere may say more than the client should know.
    sendText(
      response,
      known ? error.status : 500,
      known ? error.message : 'Something went wrong.',
      known ? error.headers : {},
    );
  }
  // What is left of a body that nobody read.
  request.resume();
}

async function dispatch(context: Context, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { config, sessions } = context;
  // The query is never used, so that no token ends up in one.
  const path = (request.url ?? '/').replace(/\?.*$/s, '');
  const { route, found } = find(request, path);
  if (route?.access !== 'probe') {
    checkHost(request, config.allowedHosts);
    checkOrigin(request);
  }
  if (route === undefined) {
    const file = isReading(request) ? assetAt(path) : undefined;
    if (file !== undefined && (await sendAsset(file, request, response))) return;
    throw new HttpError(404, 'There is nothing here.');
  }
  if (route.method === 'POST') checkSender(request);
  if (route.access === 'closed' && !isAuthenticated(request, config.token, sessions)) {
    throw new HttpError(401, 'Send the token as Authorization: Bearer, or open the page and log in.', {
      'WWW-Authenticate': 'Bearer',
    });
  }
  await route.answer({ ...context, request, response, found });
}

/** Throws `HttpError` when the path is known, and the method isn't right. */
function find(request: IncomingMessage, path: string): { route: Route | undefined; found: string[] } {
  for (const route of routes) {
    const match = route.pattern.exec(path);
    if (match === null) continue;
    const isRight = request.method === route.method || (route.access === 'probe' && isReading(request));
    if (isRight) return { route, found: match.slice(1) };
    throw new HttpError(405, `Use ${route.method}.`, { Allow: route.method });
  }
  return { route: undefined, found: [] };
}

function isReading({ method }: IncomingMessage): boolean {
  return method === 'GET' || method === 'HEAD';
}

function warnOf({ method, url = '' }: IncomingMessage, { message }: Error): void {
  const path = url.replace(/\?.*$/s, '').slice(0, 200);
  process.emitWarning(`The admin server could not answer ${method} ${path}: ${message}`, {
    type: 'ProcguardWarning',
    code: 'PROCGUARD_ADMIN_ANSWER',
  });
}
