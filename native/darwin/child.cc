#include "posix/child.h"

#include <crt_externs.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../keeper/registry.h"
#include "adopted_children.h"
#include "keeper/registered.h"
#include "process_table.h"

namespace procguard {

namespace {

constexpr int kReapTries = 100;

}  // namespace

char** host_environment() {
  // Only a program can name `environ`; a library can't.
  return *_NSGetEnviron();
}

int make_stream_pair(int ends[2]) {
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return -errno;
  // Not in one step: there is no flag for it. Children of ours, and of Node, get nothing that isn't named.
  for (int i = 0; i < 2; i++) fcntl(ends[i], F_SETFD, FD_CLOEXEC);
  return 0;
}

int start_child(LaunchPlan& plan, const ChildGuard& guard, Watched* process, ChildWeakness* weakness) {
  if (plan.slot != nullptr) plan.slot->grace_ms = guard.grace_ms | (guard.tree ? 0 : kAlone);
  *weakness = {};
  int error = launch(plan, &process->pid, &weakness->registry_error);
  process->is_child = error == 0;
  return error;
}

int open_stranger(pid_t pid, uint64_t start_ticks, Watched* process) {
  if (pid <= 1) return -EINVAL;
  process->pid = pid;
  process->start_ticks = start_ticks;
  return 0;
}

int signal_watched(const Watched& process, int signal) {
  // The pid of a child isn't free before we have reaped it.
  if (process.is_child) return kill(process.pid, signal) == 0 ? 0 : -errno;
  return send_signal(process.pid, process.start_ticks, signal);
}

void abandon(Watched* process) {
  if (!process->is_child) return;
  kill(process->pid, SIGKILL);
  Ending ending;
  int reaped = 0;
  // One that is stuck in the kernel must not hold the event loop up.
  for (int i = 0; i < kReapTries && reaped == 0; i++) {
    if (i > 0) usleep(1000);
    reaped = reap(process->pid, true, &ending);
  }
  if (reaped == 0) adopt_child(process->pid, nullptr);
  process->pid = 0;
}

}  // namespace procguard
