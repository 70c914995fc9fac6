// What Linux says of a process, for the shim.
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include <string>
#include <vector>

namespace shim {

struct Stat {
  pid_t pid, parent, group;
  char state;
  std::string name;
  long threads;
  bool has_executed;
  uint64_t start_ticks, cpu_ns, reaped_ns, resident_bytes;
  bool is_zombie() const { return (state == 'Z' && threads <= 1) || state == 'X'; }
};

// False: there is no such process.
bool read_stat(pid_t pid, Stat* stat);
std::vector<pid_t> list_pids();
// The whole file; empty: it can't be read.
std::string read_file(pid_t pid, const char* name);
// As PROC_PIDLISTFDS does it.
int list_descriptors(int pid, void* buffer, int size);

}  // namespace shim
