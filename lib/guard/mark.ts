/** The name of the environment variable that every process of a guarded tree carries. */
export const markName = 'PROCGUARD_HOST';

/** `<host pid>:<host start ticks>:<boot id>:<random>.<child number>[.<grace ms>]`, taken apart. */
export interface Mark {
  readonly hostPid: number;
  readonly hostStartTicks: number;
  readonly bootId: string;
  /** All that names the host. */
  readonly host: string;
  /** Host and child together: what the processes of one tree have in common. */
  readonly tree: string;
}

const pattern =
  /^(((\d{1,10}):(\d{1,18}):([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):[0-9a-f]{16})\.\d{1,15})(?:\.\d{1,10})?$/;

/** Undefined: malformed, and so unknown. */
export function parseMark(text: string): Mark | undefined {
  const found = pattern.exec(text);
  if (found === null) return undefined;
  const [, tree, host, pid, ticks, bootId] = found as unknown as [
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const hostPid = Number(pid);
  const hostStartTicks = Number(ticks);
  if (hostPid < 1 || hostStartTicks < 1) return undefined;
  return { hostPid, hostStartTicks, bootId, host, tree };
}
