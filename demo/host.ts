// The host that the demo kills: it starts the workers and passes on how far they are.
//
//   node host.js <python> <folder> <workers> <bytes of a record> <guarded | unguarded>

import { once } from 'node:events';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { capabilities, guardOf, spawn } from '../lib/index.js';
import { type HostMessage, LAYERS } from './layers.js';

const WORKER = fileURLToPath(new URL('../../demo/worker.py', import.meta.url));

const [python, folder, workers, recordBytes, guard] = process.argv.slice(2) as [string, ...string[]];
// Every worker gets this same open file, and reads the next record when it is ready for one.
const list = openSync(join(folder!, 'files.txt'), 'r');
const ready = new Set<string>();
const gates: Writable[] = [];
await Promise.all(Array.from({ length: Number(workers) }, (_, number) => runWorker(String(number))));
process.disconnect();

async function runWorker(number: string): Promise<void> {
  const worker = spawn(python, [WORKER, folder!, number, recordBytes!], {
    guard: guard === 'guarded',
    stdio: [list, 'pipe', 'inherit', 'pipe'],
  });
  gates.push(worker.stdio[3] as Writable);
  tell({ guard: guardOf(worker), keeper: capabilities().keeper?.pid });
  createInterface({ input: worker.stdout! }).on('line', (line) => {
    const [name, files] = line.split(' ');
    tell({ name: name!, files: Number(files) });
    ready.add(name!);
    if (ready.size === Number(workers) * LAYERS.length) for (const gate of gates.splice(0)) gate.end();
  });
  // 'close' comes when nobody has the worker's stdout open any more: not the double-forked grandchild either.
  const [code] = await once(worker, 'close');
  if (code !== 0) process.exitCode = 1;
}

function tell(message: HostMessage): void {
  process.send!(message);
}
