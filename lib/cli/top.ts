import { atMost } from '../clock.js';
import { exitCodes } from './exit-codes.js';
import { formatHosts } from './host-table.js';
import { type HostEntry, takeInventory } from './inventory.js';
import { print, printJson, terminalWidth } from './output.js';
import { Screen } from './screen.js';
import { formatBytes } from './units.js';

export interface TopOptions {
  json?: boolean;
  /** How often to look; undefined: until it is quit. */
  count?: number;
  intervalMs: number;
}

/** `procguard top`: as `ps`, again and again. */
export async function top({ json, count, intervalMs }: TopOptions): Promise<number> {
  const screen = process.stdout.isTTY && !json ? new Screen() : undefined;
  let isOver = false;
  let wake = () => {};
  void screen?.quit.then(() => {
    isOver = true;
    wake();
  });
  try {
    for (let look = 1; !isOver; look++) {
      const hosts = await takeInventory();
      if (json) printJson({ at: new Date().toISOString(), hosts });
      else if (screen === undefined) print(`${frame(hosts).join('\n')}\n`);
      else screen.draw(frame(hosts));
      if (look === count) break;
      if (isOver) break;
      // One of its own for each wait: a promise that outlives them would keep something of each.
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
      });
      await atMost(intervalMs, woken);
    }
  } finally {
    screen?.close();
  }
  return exitCodes.ok;
}

function frame(hosts: readonly HostEntry[]): string[] {
  const alive = hosts.filter(({ state }) => state === 'alive').length;
  const bytes = hosts.reduce((sum, { treeRssBytes }) => sum + treeRssBytes, 0);
  const title = `${new Date().toTimeString().slice(0, 8)}  hosts: ${alive} alive, ${hosts.length - alive} not  guarded: ${formatBytes(bytes)}`;
  return [title, '', ...formatHosts(hosts, terminalWidth())];
}
