#include "launch_as.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libproc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <mutex>

#include "inherited.h"
#include "processes.h"
#include "reap.h"

// What runs in the child of a process with many threads: system calls, and nothing that allocates or locks.

namespace procguard {

namespace {

constexpr int kSignals = 32;
constexpr const char* kShell = "/bin/sh";
// How many descriptors other threads may open between the count of them and the fork.
constexpr size_t kMoreDescriptors = 1024;
constexpr int kLookAgainMs = 100;

// Allocated before the fork.
struct ChildContext {
  const LaunchPlan* plan;
  std::vector<int> fds;
  std::vector<const char*> paths;  // ends with nullptr
  std::vector<char*> shell_argv;   // for a program without a header, as execvp does it
  std::vector<proc_fdinfo> open;   // room for what the host has open at the fork
  int error_fd;
};

int place_descriptors(ChildContext* context) {
  std::vector<int>& fds = context->fds;
  int count = static_cast<int>(fds.size());
  // First move away those that a later dup would overwrite.
  for (int fd = 0; fd < count; fd++) {
    if (fds[fd] < 0 || fds[fd] >= fd) continue;
    fds[fd] = fcntl(fds[fd], F_DUPFD_CLOEXEC, count);
    if (fds[fd] < 0) return errno;
  }
  for (int fd = 0; fd < count; fd++) {
    int source = fds[fd];
    if (source < 0 && fd > 2) continue;
    if (source < 0) {
      // Freed first, so that it is the number that open gives.
      close(fd);
      int opened = open("/dev/null", fd == 0 ? O_RDONLY : O_RDWR);
      if (opened < 0) return errno;
      if (opened == fd) continue;
      source = opened;
    }
    if (source == fd ? fcntl(fd, F_SETFD, 0) < 0 : dup2(source, fd) < 0) return errno;
    int flags = fd <= 2 ? fcntl(fd, F_GETFL) : -1;
    if (flags > 0 && (flags & O_NONBLOCK) != 0) fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
  }
  // No descriptor that isn't named reaches a program of another user, whatever its maker has forgotten.
  std::vector<proc_fdinfo>& open = context->open;
  int bytes = proc_pidinfo(getpid(), PROC_PIDLISTFDS, 0, open.data(),
                           static_cast<int>(open.size() * sizeof(proc_fdinfo)));
  for (int i = 0; i < bytes / static_cast<int>(sizeof(proc_fdinfo)); i++) {
    int fd = open[static_cast<size_t>(i)].proc_fd;
    if (fd >= count) fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
  return 0;
}

int drop_privileges(const LaunchPlan& plan) {
  // The host's supplementary groups must not stay; it fails where the host isn't privileged, and then the
  // calls below decide.
  (void)setgroups(0, nullptr);
  if (plan.set_gid && setgid(plan.gid) != 0) return errno;
  if (plan.set_uid && setuid(plan.uid) != 0) return errno;
  return 0;
}

int execute(ChildContext* context) {
  char* const* argv = context->plan->argv.data();
  char* const* envp = context->plan->envp.data();
  bool denied = false;
  int error = ENOENT;
  for (const char* path : context->paths) {
    if (path == nullptr) break;
    execve(path, argv, envp);
    error = errno;
    if (error == ENOEXEC) {
      context->shell_argv[1] = const_cast<char*>(path);
      execve(kShell, context->shell_argv.data(), envp);
      error = errno;
    }
    denied = denied || error == EACCES;
    if (error != EACCES && error != ENOENT && error != ENOTDIR) return error;
  }
  return denied ? EACCES : error;
}

int run_child(ChildContext* context) {
  const LaunchPlan& plan = *context->plan;
  for (int signal = 1; signal < kSignals; signal++) {
    if (signal != SIGKILL && signal != SIGSTOP) ::signal(signal, SIG_DFL);
  }
  if (plan.new_session) setsid();
  int error = place_descriptors(context);
  if (error != 0) return error;
  if (plan.cwd != nullptr && chdir(plan.cwd) != 0) return errno;
  error = drop_privileges(plan);
  if (error != 0) return error;
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  return execute(context);
}

// The errno that the child has sent; 0: it runs its program, or has ended. Either closes its end of the pipe;
// but a child that another library has forked may have that end, too.
int await_exec(int fd, pid_t pid) {
  struct pollfd wait = {fd, POLLIN, 0};
  ProcessStat stat = {};
  while (poll(&wait, 1, kLookAgainMs) <= 0) {
    if (read_stat(pid, &stat) != 0 || (!stat.has_executed && !is_dead(stat))) continue;
    // What it may have sent since.
    if (poll(&wait, 1, 0) <= 0) return 0;
    break;
  }
  int error = 0;
  ssize_t got;
  do got = read(fd, &error, sizeof(error));
  while (got < 0 && errno == EINTR);
  return got == sizeof(error) ? error : 0;
}

// Held from the making of a pipe to the fork: until the ends of a pipe close on exec, no other child may get
// them. Never destroyed: a thread may outlive main.
std::mutex& fork_mutex() {
  static std::mutex* const instance = new std::mutex();
  return *instance;
}

}  // namespace

int launch_as(const LaunchPlan& plan, const std::vector<std::string>& candidates, pid_t* pid) {
  ChildContext context = {&plan, plan.fds, {}, {const_cast<char*>(kShell), nullptr}, {}, -1};
  for (const std::string& candidate : candidates) context.paths.push_back(candidate.c_str());
  context.paths.push_back(nullptr);
  if (plan.argv[0] == nullptr)
    context.shell_argv.push_back(nullptr);
  else
    context.shell_argv.insert(context.shell_argv.end(), plan.argv.begin() + 1, plan.argv.end());
  context.open.resize(count_descriptors() + kMoreDescriptors);
  int line[2];
  std::unique_lock<std::mutex> lock(fork_mutex());
  if (pipe(line) != 0) return errno;
  for (int& end : line) {
    // Above what the child places, so that it is not overwritten.
    int moved = fcntl(end, F_DUPFD_CLOEXEC, static_cast<int>(plan.fds.size()));
    close(end);
    end = moved;
  }
  context.error_fd = line[1];
  // A signal that arrived in the child before its handlers are reset would run the host's handler there.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_t made = line[0] < 0 || line[1] < 0 ? -1 : fork();
  int error = made < 0 ? errno : 0;
  if (made == 0) {
    error = run_child(&context);
    (void)!write(context.error_fd, &error, sizeof(error));
    _exit(127);
  }
  lock.unlock();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (line[1] >= 0) close(line[1]);
  if (made > 0) error = await_exec(line[0], made);
  if (line[0] >= 0) close(line[0]);
  Ending ending;
  if (made > 0 && error != 0) reap(made, false, &ending);
  *pid = made;
  return error;
}

}  // namespace procguard
