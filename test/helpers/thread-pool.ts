import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const threads = Number(process.env.UV_THREADPOOL_SIZE ?? 4);

/**
 * Takes all threads of libuv's pool, as files of a network file system that doesn't answer would: each opens a named pipe to which
 * nobody writes. Returns what lets them go.
 */
export function takeThreadPool(): () => Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'procguard-threads-'));
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const opened = Array.from({ length: threads }, () => open(pipe, 'r'));
  let isFree: Promise<void> | undefined;
  return () => {
    isFree ??= letGo();
    return isFree;
  };

  async function letGo(): Promise<void> {
    // Opens for both need no other side.
    const writer = openSync(pipe, constants.O_RDWR);
    for (const file of await Promise.all(opened)) await file.close();
    closeSync(writer);
    rmSync(folder, { recursive: true });
  }
}
