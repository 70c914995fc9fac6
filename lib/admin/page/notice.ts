import { byId } from './dom.js';

const shownMs = 8000;
let timer: number | undefined;

/** Says it for a while. */
export function notify(text: string): void {
  const notice = byId('notice');
  notice.textContent = text;
  notice.hidden = false;
  clearTimeout(timer);
  timer = setTimeout(() => {
    notice.hidden = true;
  }, shownMs);
}
