import { createRequire } from 'node:module';

/** A step that did not do what it should, and what was done instead. */
export interface KillNote {
  /** Stable. `…_failed`: that method could not be used on them. */
  readonly code:
    | 'no_such_process'
    | 'signal_failed'
    | 'grace_passed'
    | 'group_signalled'
    | 'group_failed'
    | 'cgroup_killed'
    | 'cgroup_failed'
    | 'survived';
  /** Whom the step was for. */
  readonly pids: readonly number[];
  /** Those of them that were alive after it, where that was looked at. */
  readonly living?: readonly number[] | undefined;
  /** What the operating system said, as in `'EPERM'`. */
  readonly error?: string | undefined;
  readonly message: string;
}

/** What one `killTree` tried. `NODE_DEBUG=procguard` writes it to stderr, with the steps that went well. */
export class KillLog {
  readonly notes: KillNote[] = [];

  constructor(private readonly name: string) {}

  /** Notes a step once: what fails is tried again in every round. */
  note(note: KillNote): void {
    this.debug(`${note.code}: ${note.message}`);
    const isSame = ({ code, pids, error }: KillNote) =>
      code === note.code && error === note.error && String(pids) === String(note.pids);
    const known = this.notes.findIndex(isSame);
    if (known < 0) this.notes.push(note);
    else this.notes[known] = note;
  }

  debug(text: string): void {
    if (!process.env.NODE_DEBUG) return;
    debuglog ??= (require('node:util') as typeof import('node:util')).debuglog('procguard');
    debuglog('killTree %s: %s', this.name, text);
  }
}

// To import node:util touches process.stderr in Node 22, which makes it non-blocking.
const require = createRequire(import.meta.url);
let debuglog: ((format: string, ...values: string[]) => void) | undefined;
