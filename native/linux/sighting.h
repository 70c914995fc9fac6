// One look at one process.
#pragma once

#include <cstdint>

#include "procfs.h"

namespace procguard {

struct Sighting {
  ProcessStat stat;
  uint64_t at_ns;
  uint64_t cpu_ns;
};

// 0 or -errno: -ESRCH, there is no such process; -EACCES, it may not be looked at.
int look_at_process(int proc_fd, pid_t pid, Sighting* seen);

}  // namespace procguard
