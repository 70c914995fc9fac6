// What processes use and do, as evidence of their health.
#pragma once

#include <cstdint>
#include <vector>

#include "processes.h"

namespace procguard {

struct SampledProcess {
  pid_t pid;
  uint64_t start_ticks;
  uint64_t child_number;  // by which the marks of its tree name it; 0: they don't
};

struct TreeUse {
  uint64_t processes;  // the process itself included, and zombies not
  // With what ended children have used that were waited for: a sum over those that live would go back at each
  // end.
  uint64_t cpu_ns;
  uint64_t resident_bytes;
};

struct Sample {
  // 0 or -errno: -ESRCH, it is gone; -ESTALE, its pid is another's now; -EACCES, it may not be looked at.
  int error;
  char state;  // R when one of its threads runs; otherwise a letter as in ProcessStat
  long threads;
  pid_t tracer;    // 0: macOS doesn't tell
  uint64_t at_ns;  // monotonic
  uint64_t cpu_ns;
  uint64_t resident_bytes;  // its physical footprint, as Activity Monitor shows it
  TreeUse tree;             // when trees were asked for
};

// One sample for each process, in their order. With `trees` the whole process table is read, and each process
// counts for the nearest of those asked for. 0 or -errno.
int sample(const std::vector<SampledProcess>& processes, bool trees, std::vector<Sample>* samples);

// When our child with this pid, which nobody has waited for, was started; 0: there is none.
uint64_t start_ticks_of_child(pid_t pid);

// Without the time that the machine was asleep.
uint64_t monotonic_ns();

// How long the machine has been asleep since it was started.
uint64_t suspended_ns();

}  // namespace procguard
