// The process that started this one, whose death is to be noticed.
#pragma once

#include <sys/types.h>

namespace procguard {

struct Parent {
  pid_t pid;      // 0: in another pid namespace, out of sight
  int pidfd;      // -1: only SIGCONT tells of its death
  bool is_quiet;  // nor does SIGCONT: it has to be asked for
};

// From here on the parent's death makes the pidfd readable, and sends SIGCONT: that also wakes a process that
// is stopped. It comes for the end of a mere thread of the parent, too.
Parent watch_parent();
bool is_dead(const Parent& parent);

}  // namespace procguard
