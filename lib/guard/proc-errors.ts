import { errnoName, ProcguardError } from '../errors.js';
import { uvErrno } from './errno.js';

/** Why /proc is of no use here, and what to do, as native/linux/procfs.h tells them apart. Undefined: another error. */
export function describeProc(errno: number): { message: string; remedy: string } | undefined {
  if (errno === uvErrno.ENOSYS) {
    return { message: "/proc isn't mounted", remedy: 'Mount it: mount -t proc proc /proc.' };
  }
  if (errno === uvErrno.EXDEV) {
    return {
      message: '/proc shows the processes of another pid namespace',
      remedy:
        'Mount one of this namespace: mount -t proc proc /proc, or start the namespace with unshare --mount-proc.',
    };
  }
  return undefined;
}

/** `what` can't be done, in words, since processes can't be looked at. */
export function cannotLook(what: string, errno: number): ProcguardError {
  const proc = describeProc(errno);
  const message =
    proc === undefined
      ? `${what} (${errnoName(errno)}). Allow more open files.`
      : `${what}: ${proc.message}. ${proc.remedy}`;
  return new ProcguardError('ERR_PROCGUARD_SYSTEM', message, { errno, syscall: 'open' });
}
