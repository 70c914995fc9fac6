// The process table as the addon sees it.
#pragma once

#include <string>
#include <vector>

#include "processes.h"
#include "started_with.h"

namespace procguard {

struct ProcessEntry {
  ProcessStat stat;
  MarkRead mark_read;
  std::string mark;
  bool same_namespaces;  // there are none here: always
};

// Every process of the machine. 0 or -errno.
int snapshot(std::vector<ProcessEntry>* table);

// 0 or -errno; -ESRCH when the process with this pid isn't the one that started then.
int send_signal(pid_t pid, uint64_t start_ticks, int signal);

}  // namespace procguard
