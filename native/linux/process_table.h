// The process table as the addon sees it.
#pragma once

#include <string>
#include <vector>

#include "procfs.h"

namespace procguard {

struct ProcessEntry {
  ProcessStat stat;
  MarkRead mark_read;
  std::string mark;
  bool same_namespaces;  // it counts pids and time as this process does, so that its mark can be judged
};

// Every process that can be seen. 0 or -errno.
int snapshot(std::vector<ProcessEntry>* table);

// 0 or -errno; -ESRCH when the process with this pid isn't the one that started then.
int send_signal(pid_t pid, uint64_t start_ticks, int signal);

// A descriptor that is readable once that process has ended; -errno, -ESRCH when it has.
int open_process(pid_t pid, uint64_t start_ticks);

}  // namespace procguard
