// The keeper: outlives its host just long enough to kill what the host has left behind.
//
// procguard-keeper <identity>, started by the host with the descriptors of registry.h. One per host. It
// sleeps in one poll until the host is dead, by whatever cause, and needs no memory to speak of.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <initializer_list>

#include "keeper/registry.h"
#include "keeper/sight.h"
#include "linux/procfs.h"
#include "linux/syscalls.h"

namespace procguard {
namespace {

// How long SIGKILL may take before the keeper gives up. A process in uninterruptible sleep, say on a dead
// network file system, can take for ever.
constexpr uint64_t kPatienceMs = 30000;
// After SIGKILL, look again no later than this.
constexpr int kLookAgainMs = 20;
// A process in the middle of an exec shows no environment for a moment. Two looks in a row that find nothing
// are the proof that there is nothing.
constexpr int kCleanLooks = 2;
// Most trees are gone at the first blow. What still lives at this look (the first is 0) is forking or being
// restarted: it is stopped as a whole before it is killed.
constexpr unsigned kFreezeFromLook = 2;
constexpr long kCgroup2Magic = 0x63677270;

struct Charge {
  pid_t host;
  char prefix[kMarkBytes];  // what the marks of the host's children begin with
  const Registry* registry;
  int proc_fd;
  int cgroup_fd;
};

uint64_t monotonic_ms() {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1000000;
}

int fail(const char* what) {
  syslog(LOG_ERR, "procguard-keeper: %s: %s", what, strerror(errno));
  return 1;
}

// What ends a terminal's or a service's programs must not end the one that cleans up after them.
void ignore_signals() {
  for (int signal :
       {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM, SIGTSTP, SIGTTIN, SIGTTOU})
    ::signal(signal, SIG_IGN);
}

// What the host has inherited without close-on-exec is none of our business; a pipe of it would never end.
void close_strangers() {
  if (syscall(SYS_close_range, kKeeperCgroupFd + 1, ~0u, 0) == 0) return;
  int fds = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fds < 0) return;
  for_each_entry(
      fds,
      [](void* own, const char* name) {
        int fd = static_cast<int>(strtol(name, nullptr, 10));
        if (fd > kKeeperCgroupFd && fd != *static_cast<int*>(own)) close(fd);
        return true;
      },
      &fds);
  close(fds);
}

int take_charge(const char* identity, Charge* charge) {
  charge->host = static_cast<pid_t>(strtol(identity, nullptr, 10));
  int length = snprintf(charge->prefix, sizeof(charge->prefix), "%s.", identity);
  if (charge->host < 1 || length >= static_cast<int>(sizeof(charge->prefix))) {
    errno = EINVAL;
    return fail("identity");
  }
  void* registry = mmap(nullptr, sizeof(Registry), PROT_READ, MAP_SHARED, kKeeperRegistryFd, 0);
  if (registry == MAP_FAILED) return fail("registry");
  charge->registry = static_cast<const Registry*>(registry);
  // Before anything is opened here: a free number would be taken for the host's gift.
  struct statfs system;
  bool given = fstatfs(kKeeperCgroupFd, &system) == 0 && system.f_type == kCgroup2Magic;
  charge->cgroup_fd = given ? kKeeperCgroupFd : -1;
  charge->proc_fd = open_proc();
  if (charge->proc_fd >= 0) return 0;
  errno = -charge->proc_fd;
  return fail("/proc");
}

int say_ready() {
  return send(kKeeperLineFd, "r", 1, MSG_NOSIGNAL) < 0 && errno != EPIPE ? fail("line") : 0;
}

// Returns when the host is dead. EOF on the line is the first sign; the pidfd is for a line that another
// process has inherited, by a fork without an exec.
void outlive_host(pid_t host) {
  struct pollfd signs[2] = {{kKeeperLineFd, POLLIN, 0}, {-1, POLLIN, 0}};
  signs[1].fd = static_cast<int>(syscall(SYS_pidfd_open, host, 0));
  // While the host is our parent, its pid is its own.
  if (getppid() != host) return;
  do {
    if (poll(signs, 2, -1) < 0) signs[0].revents = signs[1].revents = 0;
  } while (signs[0].revents == 0 && signs[1].revents == 0);
}

// One look at everything; true when something of the host's still lives.
bool look(const Charge& charge, Look* look) {
  bool populated = charge.cgroup_fd >= 0 && look_at_cgroup(look, charge.cgroup_fd);
  look->found = 0;
  look_at_registered(look, charge.proc_fd, charge.prefix, *charge.registry);
  unsigned registered = look->found;
  if (charge.cgroup_fd < 0 && look->number >= kFreezeFromLook) {
    look->stop_only = true;
    look_at_marked(look, charge.proc_fd, charge.prefix);
    look->stop_only = false;
  }
  look->found = registered;
  look_at_marked(look, charge.proc_fd, charge.prefix);
  return populated || look->found > 0;
}

// Sleeps until there is a reason to look again: one of those that were found has ended, the cgroup has
// emptied, or a grace has passed.
void wait_for_change(const Charge& charge, const Look& look, bool settled) {
  struct pollfd signs[2] = {{look.wait_fd, POLLIN, 0}, {-1, POLLPRI, 0}};
  bool empty = false;
  if (charge.cgroup_fd >= 0) signs[1].fd = open_cgroup_events(charge.cgroup_fd, &empty);
  // While a grace runs, nothing but an end changes anything; the last one may have come since we looked.
  bool graced = settled && look.next_grace_ms != UINT64_MAX;
  bool over = empty && look.wait_fd < 0;
  if (!over) poll(signs, 2, graced ? static_cast<int>(look.next_grace_ms - look.elapsed_ms) : kLookAgainMs);
  if (signs[1].fd >= 0) close(signs[1].fd);
}

int end_trees(const Charge& charge) {
  uint64_t started_ms = monotonic_ms(), last_grace_ms = 0;
  Look now = {};
  int settled = 0;  // looks in a row that found nothing but processes with a grace
  for (int clean = 0; clean < kCleanLooks;) {
    now.elapsed_ms = monotonic_ms() - started_ms;
    now.next_grace_ms = UINT64_MAX;
    now.wait_fd = -1;
    now.due = 0;
    bool alive = look(charge, &now);
    now.number++;
    clean = alive ? 0 : clean + 1;
    if (now.next_grace_ms != UINT64_MAX) last_grace_ms = now.next_grace_ms;
    settled = now.due == 0 ? settled + 1 : 0;
    if (alive) wait_for_change(charge, now, settled >= kCleanLooks);
    if (now.wait_fd >= 0) close(now.wait_fd);
    if (now.elapsed_ms > last_grace_ms + kPatienceMs) {
      syslog(LOG_ERR,
             "procguard-keeper: %u process(es) of the dead host %d survived SIGKILL, the last one is %d; %u "
             "signals "
             "failed: %s",
             now.found, charge.host, now.last_found, now.failed_signals, strerror(now.last_errno));
      return 1;
    }
  }
  return 0;
}

int remove_traces(const Charge& charge) {
  if (charge.cgroup_fd < 0) return 0;
  int error = remove_cgroup(charge.cgroup_fd);
  if (error == 0 || error == -ENOENT) return 0;
  errno = -error;
  return fail("removing the cgroup");
}

}  // namespace
}  // namespace procguard

int main(int argc, char** argv) {
  using namespace procguard;
  Charge charge = {};
  if (argc != 2) {
    fprintf(stderr, "procguard-keeper is started by procguard, never by hand\n");
    return 64;
  }
  ignore_signals();
  close_strangers();
  if (take_charge(argv[1], &charge) != 0 || say_ready() != 0) return 1;
  outlive_host(charge.host);
  if (end_trees(charge) != 0) return 1;
  return remove_traces(charge);
}
