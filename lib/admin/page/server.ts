import type { Session } from '../messages.js';

// All addresses are relative: the server may stand behind a proxy, under a path.

export async function getSession(): Promise<Session> {
  const answer = await fetch('api/session');
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

/** Throws with what the server says when it refuses. */
export async function post(path: string, body: object = {}): Promise<Record<string, unknown>> {
  const answer = await fetch(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error((await answer.text()).trim());
  return answer.json();
}

export function poolPath(pool: string, action: string): string {
  return `api/pools/${encodeURIComponent(pool)}/${action}`;
}
