import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { follow } from './follow.js';
import type { Functions, Implementation, Run } from './scenario.js';
import { Transcript } from './transcript.js';

const deadlineMs = 15_000;
const fixtures = fileURLToPath(new URL('../../../test/fixtures/conformance/', import.meta.url));

/** Runs one scenario and returns its transcript, with what it threw in the lane `runner`. */
export async function runScenario(run: Run, implementation: Implementation, cp: Functions) {
  const transcript = new Transcript();
  const dir = mkdtempSync(join(tmpdir(), 'procguard-conformance-'));
  chmodSync(dir, 0o755);
  transcript.hide(dir, '<dir>');
  transcript.hide(tmpdir(), '<tmp>');
  const environment = { ...process.env };
  const cancel = new AbortController();
  try {
    await Promise.race([
      run({
        cp,
        implementation,
        transcript,
        dir,
        log: transcript.log,
        lane: (name) => transcript.lane(name),
        fixture: (name) => join(fixtures, name),
        follow: (child, name = 'child') => follow(transcript, child, name),
        attempt: (label, action) => attempt(transcript, label, action),
      }),
      sleep(deadlineMs, undefined, { signal: cancel.signal }).then(() => {
        throw new Error('The scenario did not end in time');
      }),
    ]);
  } catch (error) {
    transcript.lane('runner')('threw', error);
  } finally {
    cancel.abort();
    restoreEnvironment(environment);
    removeIfAllowed(dir);
  }
  return transcript.toJSON();
}

function removeIfAllowed(dir: string) {
  try {
    rmSync(dir, { recursive: true, force: true });
  } catch {
    // A scenario that gave up its privileges can't; the folder lies in one that the tests remove at the end.
  }
}

function attempt<T>(transcript: Transcript, label: string, action: () => T): T | undefined {
  try {
    const value = action();
    transcript.log(label, value);
    return value;
  } catch (error) {
    transcript.log(`${label} threw`, error);
    return undefined;
  }
}

function restoreEnvironment(environment: NodeJS.ProcessEnv) {
  for (const key of Object.keys(process.env)) if (!(key in environment)) delete process.env[key];
  for (const [key, value] of Object.entries(environment))
    if (process.env[key] !== value) process.env[key] = value;
}
