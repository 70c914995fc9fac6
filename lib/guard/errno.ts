import os from 'node:os';

const { EINVAL, ESRCH, ENOSYS, EACCES, EPERM, EXDEV } = os.constants.errno;

/** libuv's numbers of some errors. On Windows they are its own, and not those of `os.constants.errno`. */
export const uvErrno =
  process.platform === 'win32'
    ? { EINVAL: -4071, ESRCH: -4040, ENOSYS: -4054, EACCES: -4092, EPERM: -4048, EXDEV: -4037 }
    : { EINVAL: -EINVAL, ESRCH: -ESRCH, ENOSYS: -ENOSYS, EACCES: -EACCES, EPERM: -EPERM, EXDEV: -EXDEV };
