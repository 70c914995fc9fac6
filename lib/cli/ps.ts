import { exitCodes } from './exit-codes.js';
import { formatHosts } from './host-table.js';
import { takeInventory } from './inventory.js';
import { print, printJson, terminalWidth } from './output.js';

/** `procguard ps`: every host of this machine with its guarded processes. */
export async function ps({ json }: { json?: boolean }): Promise<number> {
  const hosts = await takeInventory();
  if (json) printJson({ hosts });
  else print(formatHosts(hosts, terminalWidth()).join('\n'));
  return exitCodes.ok;
}
