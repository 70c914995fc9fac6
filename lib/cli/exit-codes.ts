/** The exit codes of all commands but `run`, which ends as its command does. Those above 63 are of sysexits.h. */
export const exitCodes = {
  ok: 0,
  /** The answer is no: something survived, is missing, or was not as promised. */
  negative: 1,
  /** A wrong command, option or argument. */
  usage: 64,
  /** This platform, or this installation, can't do it. */
  unavailable: 69,
  /** The operating system refused something. */
  system: 71,
} as const;
