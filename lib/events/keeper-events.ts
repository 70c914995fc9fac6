import { type KeeperSighting, watchKeeper } from '../guard/keeper-watch.js';
import type { EventName } from './events.js';
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

function publish(name: EventName, { pid, restarts }: KeeperSighting): void {
  channelOf(name).publish({ at: new Date(), pid, restarts });
}
