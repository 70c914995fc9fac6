import { hostIsGone } from './exit.js';

const lookMs = 1000;

/** What ends a worker besides its channels. */
export function watchForEnds(onSigterm: () => void): void {
  process.on('SIGTERM', onSigterm);
  // What Windows has instead.
  if (process.platform === 'win32') process.on('SIGBREAK', onSigterm);
  // Ctrl-C reaches the whole process group of a terminal, and the host says what is to end.
  process.on('SIGINT', () => {});
  process.stdout.on('error', leaveWhenBroken);
  process.stderr.on('error', leaveWhenBroken);
  watchParent();
}

function leaveWhenBroken(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') hostIsGone();
  throw error;
}

/** The parent now, and not PROCGUARD_HOST_PID, which a launcher or another pid namespace would make another. */
function watchParent(): void {
  // Windows keeps the number of a parent that has ended; the channels tell.
  if (process.platform === 'win32') return;
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) hostIsGone();
  }, lookMs).unref();
}
