import { readFile } from 'node:fs/promises';
import { addon } from './binding.js';

/*
 * What Linux shows in /proc, and macOS through the addon only.
 */

/** What tells one boot of this machine from another. Empty: unreadable, and every mark is one of another boot. */
export async function readBootId(): Promise<string> {
  const { darwin } = addon();
  if (darwin !== undefined) return darwin.bootId();
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')).trim();
}

/** What a process was started with, its own name first. Empty: it has ended, or may not be looked at. */
export async function readArguments(pid: number): Promise<string[]> {
  const { darwin } = addon();
  if (darwin !== undefined) return darwin.argumentsOf(pid);
  const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return text === '' ? [] : text.replace(/\0$/, '').split('\0');
}
