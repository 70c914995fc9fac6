// What one process uses.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace procguard {

struct Usage {
  uint64_t cpu_ns;
  uint64_t reaped_ns;  // of its children that have ended and that it has waited for
  uint64_t footprint_bytes;
};

// 0 or -errno: -ESRCH, it is gone; -EACCES, it may not be looked at.
int read_usage(pid_t pid, Usage* usage);

// How many threads it has, and whether one of them runs. 0 or -errno, as above.
int read_threads(pid_t pid, long* threads, bool* runs);

}  // namespace procguard
