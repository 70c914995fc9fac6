#include "parent.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "linux/kernel.h"

namespace procguard {

Parent watch_parent() {
  Parent parent = {getppid(), -1, false};
  bool is_told = prctl(PR_SET_PDEATHSIG, static_cast<unsigned long>(SIGCONT), 0, 0, 0) == 0;
  if (parent.pid > 0 && features().pidfd) parent.pidfd = pidfd_open(parent.pid);
  // While it is our parent its pid is its own, so the descriptor means it. If it isn't, is_dead says so.
  parent.is_quiet = !is_told && parent.pidfd < 0;
  return parent;
}

bool is_dead(const Parent& parent) {
  if (getppid() != parent.pid) return true;
  struct pollfd end = {parent.pidfd, POLLIN, 0};
  return parent.pidfd >= 0 && poll(&end, 1, 0) > 0;
}

}  // namespace procguard
