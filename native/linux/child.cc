#include "posix/child.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "adopted_children.h"
#include "guard_state.h"
#include "kernel.h"
#include "process_table.h"
#include "spawner.h"

extern char** environ;

namespace procguard {

namespace {

constexpr int kReapTries = 100;

}  // namespace

char** host_environment() {
  return environ;
}

int make_stream_pair(int ends[2]) {
  return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0 ? 0 : -errno;
}

int start_child(LaunchPlan& plan, const ChildGuard& guard, Watched* process, ChildWeakness* weakness) {
  // The kernel would send a SIGTERM once for each thread of the host that ends before the last, and a
  // worker that cleans up gets to hear of each. With a grace, the one SIGTERM is the keeper's.
  plan.death_signal = guard.grace_ms > 0 && plan.slot != nullptr ? 0 : SIGKILL;
  *weakness = {};
  if (guard.tree) {
    plan.cgroup_fd = cgroup_leaf(guard.grace_ms);
    if (plan.cgroup_fd < 0) weakness->cgroup_error = plan.cgroup_fd;
  }
  Launched launched;
  int error = launch_from_immortal_thread(plan, &launched);
  if (error != 0) return error;
  process->pid = launched.pid;
  process->pidfd = launched.pidfd;
  process->is_child = true;
  if (launched.cgroup_error != 0) weakness->cgroup_error = launched.cgroup_error;
  weakness->link_error = launched.link_error;
  return 0;
}

int open_stranger(pid_t pid, uint64_t start_ticks, Watched* process) {
  process->pid = pid;
  process->pidfd = open_process(pid, start_ticks);
  return process->pidfd < 0 ? process->pidfd : 0;
}

int signal_watched(const Watched& process, int signal) {
  int error = process.pidfd >= 0 ? pidfd_send_signal(process.pidfd, signal) : -ENOSYS;
  // By pid is as safe: it isn't free before we have reaped the child.
  if (error == -ENOSYS) error = kill(process.pid, signal) == 0 ? 0 : -errno;
  return error;
}

void abandon(Watched* process) {
  int pidfd = process->pidfd;
  process->pidfd = -1;
  if (!process->is_child) {
    if (pidfd >= 0) close(pidfd);
    return;
  }
  kill(process->pid, SIGKILL);
  Ending ending;
  int reaped = 0;
  // One that is stuck in the kernel must not hold the event loop up.
  for (int i = 0; i < kReapTries && reaped == 0; i++) {
    if (i > 0) usleep(1000);
    reaped = reap(process->pid, -1, true, &ending);
  }
  if (reaped == 0)
    adopt_child(process->pid, pidfd, nullptr);
  else if (pidfd >= 0)
    close(pidfd);
  process->pid = 0;
}

}  // namespace procguard
