// npm run docs:pictures writes docs/images/dashboard*.png: pools at work, with a worker that was killed and one that stands still.

import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { createAdminServer } from '../../lib/admin/index.js';
import { Pool } from '../../lib/index.js';

const root = new URL('../../../', import.meta.url);
const pathOf = (name: string) => fileURLToPath(new URL(name, root));
// The charts show two minutes.
const fillMs = Number(process.env.FILL_MS ?? 125_000);
const token = 'the token of the pictures';
const args = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'];

await using embeddings = open('embeddings', 12);
await using reranker = open('reranker', 4);
await Promise.all([embeddings.ready(), reranker.ready()]);
await using admin = await createAdminServer({ pools: [embeddings, reranker], token, actions: true });
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args });
const pages = await Promise.all((['light', 'dark'] as const).map(openPage));
let turn = 0;
const working = setInterval(() => send(turn++), 200);
await sleep(fillMs);
process.kill(embeddings.stats().workers[7]?.pid as number, 'SIGSTOP');
await sleep(4000);
for (const slot of [2, 9]) process.kill(embeddings.stats().workers[slot]?.pid as number, 'SIGKILL');
await sleep(2500);
const [light, dark] = pages as [(typeof pages)[0], (typeof pages)[0]];
await light.screenshot({ path: pathOf('docs/images/dashboard.png') });
await dark.locator('.rows .row[data-key="0/4"]').click();
await dark.locator('#detail .processes li').nth(1).waitFor();
await sleep(1500);
await dark.screenshot({ path: pathOf('docs/images/dashboard-dark.png') });
clearInterval(working);
await browser.close();

function open(name: string, size: number): Pool {
  return new Pool({
    name,
    command: 'python3',
    args: ['scripts/dashboard/worker.py'],
    cwd: pathOf('.'),
    size,
    heartbeat: { intervalMs: 1000 },
    onOutput: () => {},
  });
}

async function openPage(colorScheme: 'light' | 'dark') {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, colorScheme });
  await page.goto(`${admin.url}#token=${encodeURIComponent(token)}`);
  await page.locator('.rows .row').first().waitFor();
  return page;
}

/** More and less, as requests come. */
function send(turn: number): void {
  const embeds = Math.max(0, Math.round(9 + 6 * Math.sin(turn / 40) + 3 * Math.sin(turn / 7)));
  for (let made = 0; made < embeds; made++) call(embeddings, 'embed');
  if (turn % 25 === 0) call(embeddings, 'summarize');
  if (turn % 2 === 0) call(reranker, 'rerank');
}

function call(pool: Pool, method: string): void {
  pool.call(method, ['some text']).catch(() => {});
}
