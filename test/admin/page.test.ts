import test from 'ava';
import type { Locator } from 'playwright-core';
import { startPool } from '../pool/pools.js';
import { startAdmin, token } from './admins.js';
import { browserTest, closeBrowser, openPage } from './browser.js';

test.after.always(closeBrowser);

// The test's own program has no types of the browser.
declare const getComputedStyle: (element: unknown) => { backgroundColor: string };
const backgroundOf = (locator: Locator): Promise<string> =>
  locator.evaluate((element) => getComputedStyle(element).backgroundColor);
const row = (slot: number) => `.rows .row[data-key="0/${slot}"]`;
const fragment = `#token=${encodeURIComponent(token)}`;

browserTest('the page shows what the pool did, and loads nothing from elsewhere', async (t) => {
  const { pool } = startPool(t, { name: 'numbers', size: 30 });
  await pool.ready();
  const admin = await startAdmin(t, pool);
  const { page, complaints, asked } = await openPage(t, admin);
  await page.getByText('30 / 30').waitFor();
  await page.locator('.tab', { hasText: 'numbers' }).waitFor();
  await Promise.all(Array.from({ length: 50 }, () => pool.call('echo', ['x'])));
  await t.throwsAsync(pool.call('fail', ['why']));
  await page.locator('.figure', { hasText: /^Succeeded50$/ }).waitFor();
  await page.locator('.figure', { hasText: /^Rejected1$/ }).waitFor();
  const { pid, requests } = pool.stats().workers[0]!;
  await page.locator(`${row(0)} .pid`, { hasText: String(pid) }).waitFor();
  await page.locator(`${row(0)} .requests`, { hasText: String(requests) }).waitFor();
  await page.locator(`${row(0)} .verdict`, { hasText: 'idle' }).waitFor();
  await page.locator(`${row(0)} .rss`, { hasText: /^\d+(\.\d)? MB$/ }).waitFor();
  // Its requests' latencies, drawn.
  await page.locator(`${row(0)} .spark canvas`).waitFor();
  t.deepEqual(complaints, []);
  t.deepEqual(
    asked.filter((url) => !url.startsWith(admin.url)),
    [],
  );
});

browserTest('a worker that is killed turns red within two seconds', async (t) => {
  const { pool } = startPool(t, { size: 4 });
  await pool.ready();
  const { page } = await openPage(t, await startAdmin(t, pool));
  await page.locator(row(2)).waitFor();
  const before = await backgroundOf(page.locator(row(2)));
  const killedMs = performance.now();
  process.kill(pool.stats().workers[2]!.pid!, 'SIGKILL');
  await page.locator(`${row(2)}[data-color="critical"]`, { hasText: 'dead (SIGKILL)' }).waitFor();
  t.true(performance.now() - killedMs < 2000);
  t.not(await backgroundOf(page.locator(row(2))), before);
  t.is(await page.locator('.rows .row[data-color="critical"]').count(), 1);
  await page.locator('.event[data-level="critical"]', { hasText: 'SIGKILL' }).waitFor();
});

const attack = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
const hostile = `import procguard, sys, time
attack = ${JSON.stringify(attack)}
def handler(seconds):
    print(attack, file=sys.stderr, flush=True)
    time.sleep(seconds)
handler.__name__ = attack
procguard.handler(handler)
procguard.serve()`;

browserTest('what workers print, and what they call their handlers, is only ever text', async (t) => {
  const { pool, line } = startPool(t, { args: ['-c', hostile] });
  await pool.ready();
  const { page, complaints } = await openPage(t, await startAdmin(t, pool));
  const cancel = new AbortController();
  const called = pool.call(attack, [3], { signal: cancel.signal });
  await line(/onerror/);
  await page.locator(`${row(0)} .request`, { hasText: attack }).waitFor();
  await page.locator(row(0)).click();
  await page.locator('.stderr', { hasText: attack }).waitFor();
  await page.locator('.requests', { hasText: attack }).waitFor();
  t.is(await page.title(), 'procguard');
  t.is(await page.locator('main img, main script').count(), 0);
  t.deepEqual(complaints, []);
  await called;
});

browserTest('an alert says what happened and what to do', async (t) => {
  const { pool } = startPool(t, { maxQueue: 1 });
  await pool.ready();
  const { page } = await openPage(t, await startAdmin(t, pool));
  await page.getByText('No alerts.').waitFor();
  await Promise.allSettled(Array.from({ length: 3 }, () => pool.call('echo', [1])));
  const alert = page.locator('.alert[data-level="critical"]');
  await alert.locator('strong', { hasText: 'queue full' }).waitFor();
  await alert.getByText('Add workers with pool.resize()').waitFor();
  t.pass();
});

browserTest('all of it can be used with the keyboard', async (t) => {
  const { pool } = startPool(t, { size: 3 });
  await pool.ready();
  const { page } = await openPage(t, await startAdmin(t, pool));
  await page.locator(row(2)).waitFor();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter'); // Skip to the workers
  await page.locator('#grid:focus').waitFor();
  await page.keyboard.press('End');
  await page.locator(`${row(2)}[aria-selected="true"]`).waitFor();
  await page.keyboard.press('ArrowUp');
  await page.locator(`${row(1)}[aria-selected="true"]`).waitFor();
  const active = await page.locator('#grid').getAttribute('aria-activedescendant');
  t.is(await page.locator(row(1)).getAttribute('id'), active);
  await page.keyboard.press('Enter');
  await page.locator('#detail', { hasText: 'Slot 1' }).waitFor();
  await page.locator('#detail .processes', { hasText: 'worker.py' }).waitFor();
  await page.keyboard.press('Escape');
  await page.locator('#side').waitFor();
  await page.locator('#grid:focus').waitFor();
});

browserTest('a verdict is said in words, a click on a title sorts, and chips and text filter', async (t) => {
  const { pool } = startPool(t, { size: 3 });
  await pool.ready();
  await pool.call('pid', [], { affinity: 'a' });
  const busiest = pool.stats().workers.find(({ requests }) => requests === 1)!;
  const { page } = await openPage(t, await startAdmin(t, pool));
  await page.getByRole('button', { name: 'Served' }).click();
  const first = page.locator('.rows .row[aria-rowindex="2"]');
  await first.and(page.locator(row(busiest.slot))).waitFor();
  await page
    .getByRole('columnheader', { name: 'Served' })
    .and(page.locator('[aria-sort="descending"]'))
    .waitFor();
  await page.locator('#search').fill(String(busiest.pid));
  await page.locator('#grid[aria-rowcount="2"]').waitFor();
  await page.locator('#search').fill('no such method');
  await page.getByText('No worker fits.').waitFor();
  await page.locator('#search').fill('');
  await page.getByRole('button', { name: 'idle 3' }).click();
  await page.locator('#grid[aria-rowcount="4"]').waitFor();
  t.pass();
});

browserTest('it follows the theme of the system, and can be told otherwise', async (t) => {
  const { pool } = startPool(t);
  await pool.ready();
  const admin = await startAdmin(t, pool);
  const { page } = await openPage(t, admin, '', { colorScheme: 'dark' });
  await page.locator(row(0)).waitFor();
  const background = () => backgroundOf(page.locator('body'));
  t.is(await background(), 'rgb(14, 17, 22)');
  await page.getByRole('button', { name: 'Theme: system' }).click();
  t.is(await background(), 'rgb(243, 245, 248)');
  await page.reload();
  await page.getByRole('button', { name: 'Theme: light' }).waitFor();
  t.is(await background(), 'rgb(243, 245, 248)');
});

browserTest(
  'the token is asked for, is not kept in the page, and is forgotten with the log-out',
  async (t) => {
    const { pool } = startPool(t);
    await pool.ready();
    const { page } = await openPage(t, await startAdmin(t, pool, { token }));
    await page.getByLabel('Token').fill('not the token');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByText('That is not the token of this server.').waitFor();
    t.is(await page.locator(row(0)).count(), 0);
    await page.getByLabel('Token').fill(token);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.locator(row(0)).waitFor();
    t.is(await page.evaluate('document.cookie + JSON.stringify(localStorage)'), '{}');
    await page.getByText('Read-only').waitFor();
    await page.reload();
    await page.locator(row(0)).waitFor();
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByLabel('Token').waitFor();
  },
);

browserTest('a token in the fragment logs in, and leaves the address', async (t) => {
  const { pool } = startPool(t);
  await pool.ready();
  const admin = await startAdmin(t, pool, { token });
  const { page, asked } = await openPage(t, admin, fragment);
  await page.locator(row(0)).waitFor();
  t.is(page.url(), admin.url);
  t.false(asked.some((url) => url.includes(encodeURIComponent(token))));
});

browserTest('a token in the fragment that is not written as it should be is asked for', async (t) => {
  const admin = await startAdmin(t, startPool(t).pool, { token });
  const { page } = await openPage(t, admin, '#token=50%off');
  await page.getByLabel('Token').waitFor();
  t.is(page.url(), admin.url);
});

browserTest('restart, stack dump and drain do what they say', async (t) => {
  const { pool } = startPool(t, { size: 2 });
  await pool.ready();
  const before = pool.stats().workers.map(({ pid }) => pid);
  const { page } = await openPage(t, await startAdmin(t, pool, { token, actions: true }), fragment);
  await page.locator(row(1)).click();
  await page.getByRole('button', { name: 'Dump stacks' }).click();
  await page.locator('.stacks', { hasText: 'most recent call first' }).waitFor();
  await page.keyboard.press('Escape');

  await page.getByRole('button', { name: 'Restart' }).first().click();
  await page.getByRole('button', { name: 'Cancel' }).click();
  t.deepEqual(
    pool.stats().workers.map(({ pid }) => pid),
    before,
  );
  await page.locator('#actions').getByRole('button', { name: 'Restart' }).click();
  await page.locator('#confirm-yes').click();
  await page.locator('#events', { hasText: 'Restart finished' }).waitFor();
  const after = pool.stats().workers.map(({ pid }) => pid);
  t.false(after.some((pid) => before.includes(pid)));

  await page.locator('#actions').getByRole('button', { name: 'Drain' }).click();
  await page.locator('#confirm-yes').click();
  await page.locator('.figure', { hasText: /^Stageclosed$/ }).waitFor();
  t.is(pool.stats().stage, 'closed');
});

browserTest('it says that the server is gone, and goes on when it is back', async (t) => {
  const { pool } = startPool(t);
  await pool.ready();
  const first = await startAdmin(t, pool);
  const { page } = await openPage(t, first);
  await page.locator('#connection', { hasText: 'Live' }).waitFor();
  await first.close();
  await page.locator('#connection', { hasText: 'Connection lost' }).waitFor();
  await startAdmin(t, pool, { port: first.port });
  await page.locator('#connection', { hasText: 'Live' }).waitFor();
  t.pass();
});
