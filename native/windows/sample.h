// What processes use, as evidence of their health.
#pragma once

#include <windows.h>

#include <cstdint>
#include <vector>

namespace procguard {

struct SampledProcess {
  DWORD pid;
  uint64_t start_ticks;
  uint64_t child_number;  // that of the job that holds its tree; 0: the one that it was started in, if any
};

struct TreeUse {
  uint64_t processes;
  uint64_t cpu_ns;  // with that of processes that have ended
  uint64_t resident_bytes;
};

struct Sample {
  // 0 or a libuv error: UV_ESRCH, it is gone; UV_EACCES or UV_EPERM, it may not be looked at.
  int error;
  char state;  // Windows has none to tell for a process: always '?'
  long threads;
  DWORD tracer;
  uint64_t at_ns;  // monotonic
  uint64_t cpu_ns;
  uint64_t resident_bytes;
  TreeUse tree;  // when trees were asked for
};

// One sample for each process, in their order. 0 or a libuv error.
int sample(const std::vector<SampledProcess>& processes, bool trees, std::vector<Sample>* samples);

// When our child with this pid, whose handle is still open here, was started; 0: there is none.
uint64_t start_ticks_of_child(DWORD pid);

uint64_t monotonic_ns();

// Always 0: the monotonic clock of Windows goes on while the machine is suspended.
uint64_t suspended_ns();

}  // namespace procguard
