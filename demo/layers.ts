import type { guardOf } from '../lib/index.js';

/** The processes of one worker, by the name that their locks begin with. */
export const LAYERS = [
  { name: 'child', title: 'direct children' },
  { name: 'plain', title: 'plain grandchildren' },
  { name: 'setsid', title: 'grandchildren that called setsid' },
  { name: 'double', title: 'double-forked grandchildren' },
] as const;

/** What the host tells the demo: first what guards a worker, then how far each process is. */
export type HostMessage =
  | { guard: ReturnType<typeof guardOf>; keeper: number | undefined }
  | { name: string; files: number };
