import test from 'ava';

/** A test that makes namespaces and mounts, which takes privileges; they change nothing outside of it. */
export const needsRoot = process.getuid?.() === 0 ? test.serial : test.serial.skip;

/** The start of a command line: the rest of it runs in a mount namespace of its own, after `command` was run in there. */
export function inMountNamespace(command: string): string[] {
  return ['unshare', '--mount', 'sh', '-c', `${command} && exec "$0" "$@"`];
}
