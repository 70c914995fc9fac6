#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <initializer_list>

#include "linux/procfs.h"

namespace procguard {

namespace {

constexpr int kMaxDepth = 256;

void unblock(int signal) {
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, signal);
  sigprocmask(SIG_UNBLOCK, &one, nullptr);
}

}  // namespace

int take_signals() {
  sigset_t all;
  sigfillset(&all);
  // A fault of our own must end us.
  for (int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT}) sigdelset(&all, signal);
  sigprocmask(SIG_BLOCK, &all, nullptr);
  int fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
  return fd < 0 ? -errno : fd;
}

bool next_signal(int signals_fd, struct signalfd_siginfo* info) {
  ssize_t got;
  do got = read(signals_fd, info, sizeof(*info));
  while (got < 0 && errno == EINTR);
  return got == sizeof(*info);
}

bool came_by_itself(const struct signalfd_siginfo& info) {
  // A terminal sends its signals to a whole group.
  if (info.ssi_code == SI_KERNEL) return true;
  // `kill 0` in a script reaches us as a member of its group.
  return info.ssi_code <= 0 && is_descendant(static_cast<pid_t>(info.ssi_pid));
}

bool is_descendant(pid_t pid) {
  int proc = open_proc();
  if (proc < 0) return false;
  ProcessStat stat;
  pid_t self = getpid();
  bool found = false;
  for (int depth = 0; pid > 1 && pid != self && depth < kMaxDepth && !found; depth++) {
    if (read_stat(proc, pid, &stat) != 0) break;
    found = stat.parent == self;
    pid = stat.parent;
  }
  close(proc);
  return found;
}

void stop_like(int stop_signal, const Parent& parent) {
  // SIGSTOP would take effect at once, and between a look at the parent and the stop is time for a death.
  if (stop_signal == SIGSTOP) stop_signal = SIGTSTP;
  sigset_t before;
  sigprocmask(SIG_SETMASK, nullptr, &before);
  raise(stop_signal);
  // From here on the SIGCONT of the parent's death takes the pending stop away.
  if (is_dead(parent)) return;
  unblock(stop_signal);  // here it stops
  sigprocmask(SIG_SETMASK, &before, nullptr);
}

void end_like(const Ending& ending) {
  if (ending.signal == 0) _exit(ending.exit_code);
  // The command has written its core, if any.
  struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  signal(ending.signal, SIG_DFL);
  raise(ending.signal);
  unblock(ending.signal);
  // The first process of a container can't end itself by a signal.
  _exit(128 + ending.signal);
}

}  // namespace procguard
