import { type KeeperSighting, watchKeeper } from '../guard/keeper-watch.js';
import type { ProcguardEvents } from './events.js';
import { debugListener } from './log.js';
import { channelOf } from './publisher.js';

let asked = 0;
let stop = () => {};

/** Publishes the starts and ends of this host's keeper, once however many ask for it. Returns what takes it back. */
export function publishKeeperEvents(): () => void {
  if (asked++ === 0) {
    stop = watchKeeper({
      started: (keeper) => publish('procguard:keeper:start', keeper),
      lost: (keeper) => publish('procguard:keeper:lost', keeper),
    });
  }
  let isWanted = true;
  return () => {
    if (isWanted && --asked === 0) stop();
    isWanted = false;
  };
}

function publish(
  name: keyof ProcguardEvents & `procguard:keeper:${string}`,
  { pid, restarts }: KeeperSighting,
): void {
  const event = { at: new Date(), pid, restarts };
  channelOf(name).publish(event);
  debugListener(name)?.(event);
}
