import type { PoolView, Session } from '../messages.js';
import { confirmed } from './confirm.js';
import { byId, make, makeButton } from './dom.js';
import { notify } from './notice.js';
import { poolPath, post } from './server.js';

/** Buttons for the pool that is shown, where they are allowed. */
export class PoolActions {
  #pool: PoolView | undefined;
  readonly #buttons: HTMLButtonElement[] = [];
  readonly #revive: HTMLButtonElement | undefined;

  constructor({ actions }: Session) {
    const place = byId('actions');
    if (!actions) {
      const note = make('span', 'quiet', 'Read-only');
      note.title = 'Restart, drain and stack dump are off: start the server with actions: true and a token.';
      place.append(note);
      return;
    }
    this.#revive = makeButton('Revive', '', () => void this.#send('revive'));
    const restart = makeButton('Restart', '', () => void this.#restart());
    const drain = makeButton('Drain', 'danger', () => void this.#drain());
    this.#buttons = [this.#revive, restart, drain];
    place.append(...this.#buttons);
  }

  show(pool: PoolView): void {
    this.#pool = pool;
    for (const button of this.#buttons) button.disabled = pool.stage !== 'open';
    if (this.#revive !== undefined) this.#revive.hidden = pool.failed === 0;
  }

  async #restart(): Promise<void> {
    const text = 'Each worker finishes its requests, leaves, and gets a successor. Requests go on meanwhile.';
    if (await confirmed(`Restart all workers of ${this.#pool?.name}?`, text, 'Restart'))
      await this.#send('restart');
  }

  async #drain(): Promise<void> {
    const text =
      'The pool finishes what it has, takes no more requests, and ends. Only a restart of the program brings it back.';
    if (await confirmed(`Drain ${this.#pool?.name}?`, text, 'Drain for good')) await this.#send('drain');
  }

  async #send(action: string): Promise<void> {
    if (this.#pool === undefined) return;
    try {
      await post(poolPath(this.#pool.name, action));
    } catch (error) {
      notify((error as Error).message);
    }
  }
}
