// What one look at the machine finds of the dead host's trees, and what is done about each process.
#pragma once

#include <stdint.h>
#include <sys/types.h>

namespace procguard {

// One look. `elapsed_ms` since the host's death decides: a process whose grace has passed gets SIGKILL, one
// that has some left gets SIGTERM once, at the first look, and is waited for.
struct Look {
  uint64_t elapsed_ms;
  unsigned number;  // the first is 0
  bool stop_only;   // SIGSTOP instead of SIGKILL: nobody forks or restarts another while we go through
  unsigned due;     // those without a grace, or whose grace has passed
  unsigned found;   // living processes of the host's
  pid_t last_found;
  int wait_fd;             // a pidfd of one of them; -1: none
  uint64_t next_grace_ms;  // the earliest grace that has yet to pass; UINT64_MAX: none
  unsigned failed_signals;
  int last_errno;
};

// Signals one process that the caller has seen to be the host's. ask: with SIGTERM first, if it has a grace.
// still_ours(context, pid) is asked again after the pid has been pinned.
void meet(Look* look, pid_t pid, uint32_t grace_ms, bool ask, bool (*still_ours)(void* context, pid_t pid),
          void* context);

// The direct children, by the pids that they announced themselves.
struct Registry;
void look_at_registered(Look* look, int proc_fd, const char* prefix, const Registry& registry);
// Everything whose environment carries `prefix`.
void look_at_marked(Look* look, int proc_fd, const char* prefix);
// The host's cgroup. False when it holds nothing that lives.
bool look_at_cgroup(Look* look, int cgroup_fd);
// A descriptor to poll for the end of the cgroup's last process; *empty: it has ended already. Below 0: can't
// tell.
int open_cgroup_events(int cgroup_fd, bool* empty);
// Removes the cgroup with everything in it. 0 or -errno.
int remove_cgroup(int cgroup_fd);

}  // namespace procguard
