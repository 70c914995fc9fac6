// The host that the demo kills: it runs a pool at work, and passes on how far that is.
//
//   node host.js <python> <folder>

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Capabilities, capabilities } from '../lib/index.js';
import { CALL_TIMEOUT_MS, openPool } from './counting-pool.js';
import { WORKERS } from './layers.js';

/** What the host tells the demo: first who is at work and how it is guarded, then how far each worker is. */
export type HostMessage =
  | { workers: number[]; guard: Pick<Capabilities, 'link' | 'tree'>; keeper: number }
  | { worker: number; share: number };

const [python, folder] = process.argv.slice(2) as [string, string];
const files: string[] = JSON.parse(readFileSync(join(folder, 'files.json'), 'utf8'));
const pool = openPool(python, folder);
await pool.ready();
const { link, tree, keeper } = capabilities();
tell({ workers: pool.stats().workers.map(({ pid }) => pid!), guard: { link, tree }, keeper: keeper.pid });
await Promise.all(Array.from({ length: WORKERS }, (_, worker) => follow(worker)));
await pool.close();
process.disconnect();

/** Gives a worker its part of the files. */
async function follow(worker: number): Promise<void> {
  const part = files.filter((_, index) => index % WORKERS === worker);
  const shares = pool.stream<number>('progress', [part], { timeoutMs: CALL_TIMEOUT_MS });
  for await (const share of shares) tell({ worker, share });
}

function tell(message: HostMessage): void {
  process.send!(message);
}
