// How a child ended.
#pragma once

#include <sys/types.h>

namespace procguard {

struct Ending {
  int exit_code;
  int signal;  // 0: it exited by itself
};
// 1: reaped; 0: still running (only with no_hang); -errno otherwise. -ECHILD: somebody else reaped it.
int reap(pid_t pid, bool no_hang, Ending* ending);

}  // namespace procguard
