import { existsSync } from 'node:fs';
import test, { type ExecutionContext, type Implementation } from 'ava';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import type { AdminServer } from '../../lib/admin/index.js';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

let browser: Browser | undefined;

/** One after the other, in one browser. Where there is none, the test's name says why it is left out. */
export function browserTest(title: string, run: Implementation<[]>): void {
  if (existsSync(executablePath)) test.serial(title, run);
  else test.skip(`${title} (left out: no browser at ${executablePath}; set CHROMIUM)`, run);
}

async function launch(): Promise<Browser> {
  browser ??= await chromium.launch({
    executablePath,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  });
  return browser;
}

export async function closeBrowser(): Promise<void> {
  await browser?.close();
}

export interface OpenPage {
  page: Page;
  /** What the page has complained of: the policy's refusals, errors, and failed requests. */
  complaints: string[];
  /** All that it has asked for. */
  asked: string[];
}

export async function openPage(
  t: ExecutionContext,
  { url }: AdminServer,
  fragment = '',
  options: BrowserContextOptions = {},
): Promise<OpenPage> {
  const context = await (await launch()).newContext({ viewport: { width: 1280, height: 800 }, ...options });
  t.teardown(() => context.close());
  const page = await context.newPage();
  const complaints: string[] = [];
  const asked: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => asked.push(request.url()));
  await page.goto(url + fragment);
  return { page, complaints, asked };
}
