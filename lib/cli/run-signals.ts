import type { ChildProcess } from 'node:child_process';

const given = ['SIGTERM', 'SIGUSR1', 'SIGUSR2', 'SIGALRM'] as const;
// What a terminal sends, and its shell's job control, always to a whole process group.
const ofTerminals = ['SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGWINCH', 'SIGINFO'] as const;
const ofJobControl = ['SIGTSTP', 'SIGTTIN', 'SIGTTOU', 'SIGCONT'] as const;

/**
 * Gives the signals that this process is sent on to its child. `sharesGroup`: what a terminal sends comes to the child by
 * itself, and what stops and continues a job has its effect on both.
 */
export function forwardSignals(child: ChildProcess, sharesGroup: boolean): void {
  for (const signal of given) listen(signal, () => child.kill(signal));
  for (const signal of ofTerminals) listen(signal, sharesGroup ? () => {} : () => child.kill(signal));
  if (sharesGroup) return;
  // The kernel stops no group that has no parent in its session by anything less. This process goes on, to see its parent's end.
  for (const signal of ofJobControl)
    listen(signal, () => child.kill(signal === 'SIGCONT' ? signal : 'SIGSTOP'));
}

function listen(signal: string, answer: () => void): void {
  // Linux, where tests run this, has no SIGINFO; Node takes an unknown name for an event of another kind.
  process.on(signal as NodeJS.Signals, answer);
}
