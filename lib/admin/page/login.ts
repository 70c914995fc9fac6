import type { Session } from '../messages.js';
import { byId } from './dom.js';
import { getSession, post } from './server.js';

/** Resolves with a session that may see the pools: at once, with a token in the fragment, or after the form. */
export async function logIn(): Promise<Session> {
  const fragment = /^#token=(.+)$/.exec(location.hash)?.[1];
  if (fragment !== undefined) {
    // Out of the address, and out of the history.
    history.replaceState(null, '', location.pathname);
    try {
      await post('api/login', { token: decodeURIComponent(fragment) });
    } catch {
      // The form asks for it.
    }
  }
  const session = await getSession();
  if (session.isAuthenticated) return session;
  await askForToken();
  return getSession();
}

function askForToken(): Promise<void> {
  const form = byId<HTMLFormElement>('login');
  const field = byId<HTMLInputElement>('token');
  const error = byId('login-error');
  form.hidden = false;
  byId('connection').hidden = true;
  field.focus();
  return new Promise((resolve) => {
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      error.textContent = '';
      try {
        await post('api/login', { token: field.value });
      } catch (failure) {
        error.textContent = (failure as Error).message;
        field.select();
        return;
      }
      form.hidden = true;
      byId('connection').hidden = false;
      resolve();
    });
  });
}

export function offerLogout({ needsToken }: Session): void {
  const button = byId('logout');
  button.hidden = !needsToken;
  button.addEventListener('click', async () => {
    await post('api/logout');
    location.reload();
  });
}
