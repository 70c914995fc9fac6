import { binding } from '../lib/guard/binding.js';
import { capabilities } from '../lib/index.js';

/** By what a host's keeper and cgroup are known, also when the host is dead and its pid somebody else's. */
export interface HostTraces {
  identity: string;
  cgroup: string | undefined;
}

/** Those of this process. */
export function ownTraces(): HostTraces {
  return { identity: binding().hostIdentity(), cgroup: capabilities().cgroup };
}
