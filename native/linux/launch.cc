#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "kernel.h"
#include "syscalls.h"

namespace procguard {

namespace {

constexpr size_t kStackBytes = 64 * 1024;
constexpr int kFirstRealTime = 32;
constexpr size_t kSignalSetBytes = 8;  // the kernel's sigset_t
constexpr const char* kShell = "/bin/sh";
constexpr const char* kDefaultPath = "/bin:/usr/bin";

// libc's setgroups, setgid and setuid make every thread of the host follow; the child needs the bare calls.
// On 32-bit x86 and ARM the calls without "32" take 16-bit ids.
#ifdef SYS_setgroups32
constexpr long kSetgroups = SYS_setgroups32, kSetgid = SYS_setgid32, kSetuid = SYS_setuid32;
#else
constexpr long kSetgroups = SYS_setgroups, kSetgid = SYS_setgid, kSetuid = SYS_setuid;
#endif

// What the child works with. All of it is allocated before clone, and plain, so that nothing of the library
// runs in the child.
struct ChildContext {
  const LaunchPlan* plan;
  pid_t host;
  int* fds;
  int fd_count;
  char* const* argv;
  char* const* envp;
  const char* const* paths;  // to try in turn, ends with nullptr
  char** shell_argv;         // for a program without a header, as execvp does it
  bool searched;             // more than one path may be tried
  bool handlers_cleared;
  int link_error;
  int answer_fd;  // where the answer goes from a child that doesn't share this memory; -1: it does
  int error;      // the child's answer; 0 once it has exec'd
};

const char* value_of(const std::vector<char*>& envp, const char* name) {
  size_t length = strlen(name);
  for (const char* entry : envp) {
    if (entry != nullptr && strncmp(entry, name, length) == 0 && entry[length] == '=')
      return entry + length + 1;
  }
  return nullptr;
}

// What execvp would try, in its order. The search path is the child's, as it is for Node.
int find_candidates(const LaunchPlan& plan, std::vector<std::string>* candidates, bool* searched) {
  *searched = false;
  if (plan.file.empty()) return -ENOENT;
  if (plan.file.find('/') != std::string::npos) {
    candidates->push_back(plan.file);
    return 0;
  }
  if (plan.file.size() > NAME_MAX) return -ENAMETOOLONG;
  *searched = true;
  const char* path = value_of(plan.envp, "PATH");
  if (path == nullptr) path = kDefaultPath;
  for (;;) {
    const char* end = strchrnul(path, ':');
    std::string folder(path, end);
    // An empty element means the current folder.
    if (folder.size() < PATH_MAX)
      candidates->push_back(folder.empty() ? plan.file : folder + '/' + plan.file);
    if (*end == '\0') return 0;
    path = end + 1;
  }
}

// The bare system calls. libc's wrappers may take locks or keep state of the host's, and setuid and its like
// make every thread of the host follow.
IN_CHILD inline long word(long value) {
  return value;
}
IN_CHILD inline long word(const void* pointer) {
  return reinterpret_cast<long>(pointer);
}
template <typename... Arguments>
IN_CHILD inline long call(long number, Arguments... arguments) {
  return syscall(number, word(arguments)...);
}

// `handlers_cleared`: the kernel has done it for handlers already, and what is ignored is left.
IN_CHILD void reset_signals(bool handlers_cleared) {
  // The kernel's struct sigaction: the handler first, then at most three words.
  const unsigned long standard[4] = {};
  for (int signal = 1; signal < (handlers_cleared ? kFirstRealTime : NSIG); signal++) {
    // A handler of the host must never run here, in memory that it shares. Above 31 an ignored signal stays
    // ignored, as libuv leaves it.
    unsigned long now[4];
    if (signal >= kFirstRealTime && (call(SYS_rt_sigaction, signal, nullptr, now, kSignalSetBytes) != 0 ||
                                     now[0] == reinterpret_cast<unsigned long>(SIG_IGN)))
      continue;
    call(SYS_rt_sigaction, signal, standard, nullptr, kSignalSetBytes);
  }
}

IN_CHILD void ignore_endings() {
  const unsigned long ignored[4] = {reinterpret_cast<unsigned long>(SIG_IGN)};
  call(SYS_rt_sigaction, SIGHUP, ignored, nullptr, kSignalSetBytes);
  call(SYS_rt_sigaction, SIGINT, ignored, nullptr, kSignalSetBytes);
  call(SYS_rt_sigaction, SIGTERM, ignored, nullptr, kSignalSetBytes);
}

IN_CHILD int place_descriptors(int* fds, int count) {
  // First move away those that a later dup would overwrite.
  for (int fd = 0; fd < count; fd++) {
    if (fds[fd] < 0 || fds[fd] >= fd) continue;
    long moved = call(SYS_fcntl, fds[fd], F_DUPFD_CLOEXEC, count);
    if (moved < 0) return errno;
    fds[fd] = static_cast<int>(moved);
  }
  for (int fd = 0; fd < count; fd++) {
    int source = fds[fd];
    bool opened = false;
    if (source < 0) {
      if (fd > 2) continue;
      // Freed first, so that it is the number that open gives.
      call(SYS_close, fd);
      source = static_cast<int>(call(SYS_openat, AT_FDCWD, "/dev/null", fd == 0 ? O_RDONLY : O_RDWR));
      if (source < 0) return errno;
      opened = true;
    }
    if (source == fd) {
      if (!opened && call(SYS_fcntl, fd, F_SETFD, 0) < 0) return errno;
    } else {
      if (call(SYS_dup3, source, fd, 0) < 0) return errno;
      if (opened) call(SYS_close, source);
    }
    if (fd <= 2 && !opened) {
      // Programs expect blocking standard streams; the host's own are often not.
      long flags = call(SYS_fcntl, fd, F_GETFL);
      if (flags >= 0 && (flags & O_NONBLOCK)) call(SYS_fcntl, fd, F_SETFL, flags & ~O_NONBLOCK);
    }
  }
  return 0;
}

IN_CHILD int drop_privileges(const LaunchPlan& plan) {
  // The host's supplementary groups must not stay; it fails where the host isn't privileged, and then the
  // calls below decide.
  if (plan.set_uid || plan.set_gid) call(kSetgroups, 0, nullptr);
  if (plan.set_gid && call(kSetgid, plan.gid) != 0) return errno;
  if (plan.set_uid && call(kSetuid, plan.uid) != 0) return errno;
  return 0;
}

// False when the host is gone already. Compared with its pid, never with 1: under a subreaper, and in a
// container whose pid 1 is the host, 1 means nothing.
IN_CHILD bool arm(ChildContext* context) {
  if (context->plan->immune) return true;
  int signal = context->plan->death_signal;
  long result = call(SYS_prctl, PR_SET_PDEATHSIG, static_cast<unsigned long>(signal), 0, 0, 0);
  if (result != 0 && signal != 0) context->link_error = -errno;
  return call(SYS_getppid) == context->host;
}

IN_CHILD void announce(RegistrySlot* slot) {
  struct timespec now = {};
  call(SYS_clock_gettime, CLOCK_BOOTTIME, &now);
  slot->announced_ns = static_cast<uint64_t>(now.tv_sec) * 1000000000u + static_cast<uint64_t>(now.tv_nsec);
  slot->pid.store(static_cast<int32_t>(call(SYS_getpid)), std::memory_order_release);
}

IN_CHILD int execute(ChildContext* context) {
  char* const* argv = context->argv;
  char* const* envp = context->envp;
  bool denied = false;
  int error = ENOENT;
  for (const char* const* path = context->paths; *path != nullptr; path++) {
    call(SYS_execve, *path, argv, envp);
    if (errno == ENOEXEC) {
      context->shell_argv[1] = const_cast<char*>(*path);
      call(SYS_execve, kShell, context->shell_argv, envp);
    }
    error = errno;
    if (!context->searched) return error;
    if (error == EACCES)
      denied = true;
    else if (error != ENOENT && error != ESTALE && error != ENOTDIR && error != ENODEV && error != ETIMEDOUT)
      return error;
  }
  return denied ? EACCES : error;
}

IN_CHILD int run_child(ChildContext* context) {
  const LaunchPlan& plan = *context->plan;
  reset_signals(context->handlers_cleared);
  if (plan.immune) ignore_endings();
  if (plan.new_session) call(SYS_setsid);
  if (plan.new_group) call(SYS_setpgid, 0, 0);
  if (!arm(context)) return EPIPE;
  if (plan.slot != nullptr) announce(plan.slot);
  int error = place_descriptors(context->fds, context->fd_count);
  if (error != 0) return error;
  if (plan.cwd != nullptr && call(SYS_chdir, plan.cwd) != 0) return errno;
  error = drop_privileges(plan);
  if (error != 0) return error;
  // A change of credentials has cleared PDEATHSIG.
  if ((plan.set_uid || plan.set_gid) && !arm(context)) return EPIPE;
  const uint64_t none = 0;
  call(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, kSignalSetBytes);
  return execute(context);
}

IN_CHILD int child_main(void* arg) {
  ChildContext* context = static_cast<ChildContext*>(arg);
  context->error = run_child(context);
  if (context->answer_fd >= 0) call(SYS_write, context->answer_fd, &context->error, sizeof(context->error));
  call(SYS_exit_group, 127);
  __builtin_unreachable();
}

// One stack per launching thread: clone with CLONE_VFORK returns only when the child has left it.
void* child_stack() {
  static thread_local void* stack = nullptr;
  if (stack == nullptr) {
    void* made =
        mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (made != MAP_FAILED) stack = made;
  }
  return stack;
}

// A pipe for the answer of a child with memory of its own. Its end there must not be in the way of `fd_count`
// others.
int make_answer_pipe(int fd_count, int (&ends)[2]) {
  if (pipe2(ends, O_CLOEXEC) != 0) return -errno;
  int moved = fcntl(ends[1], F_DUPFD_CLOEXEC, fd_count);
  int error = moved < 0 ? -errno : 0;
  close(ends[1]);
  ends[1] = moved;
  if (error != 0) close(ends[0]);
  return error;
}

// Returns when the child runs its program, or has failed to.
int read_answer(int fd) {
  int error = 0;
  ssize_t got;
  do got = read(fd, &error, sizeof(error));
  while (got < 0 && errno == EINTR);
  return got == sizeof(error) ? error : 0;
}

}  // namespace

int launch(LaunchPlan& plan, Launched* result) {
  ChildContext context = {};
  std::vector<std::string> candidates;
  int error = find_candidates(plan, &candidates, &context.searched);
  if (error != 0) return error;
  std::vector<const char*> paths;
  for (const std::string& candidate : candidates) paths.push_back(candidate.c_str());
  paths.push_back(nullptr);
  std::vector<char*> shell_argv = {const_cast<char*>(kShell), nullptr};
  if (plan.argv[0] == nullptr)
    shell_argv.push_back(nullptr);
  else
    shell_argv.insert(shell_argv.end(), plan.argv.begin() + 1, plan.argv.end());

  context.plan = &plan;
  context.host = getpid();
  context.fds = plan.fds.data();
  context.fd_count = static_cast<int>(plan.fds.size());
  context.argv = plan.argv.data();
  context.envp = plan.envp.data();
  context.paths = paths.data();
  context.shell_argv = shell_argv.data();
  context.handlers_cleared = features().clone3;
  uint64_t flags = (features().shared_child ? CLONE_VM | CLONE_VFORK : 0) |
                   (context.handlers_cleared ? CLONE_CLEAR_SIGHAND : 0);
  CloneRequest request = {flags, SIGCHLD, child_stack(), kStackBytes, plan.cgroup_fd};
  if (request.stack == nullptr) return -ENOMEM;
  int answer[2] = {-1, -1};
  if (!features().shared_child) {
    error = make_answer_pipe(context.fd_count, answer);
    if (error != 0) return error;
  }
  context.answer_fd = answer[1];
  // A signal that arrived in the child before its handlers are reset would run the host's handler there.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  result->in_cgroup = plan.cgroup_fd >= 0;
  pid_t pid = clone_process(request, child_main, &context, &result->pidfd);
  if (pid < 0 && result->in_cgroup && pid != -EAGAIN && pid != -ENOMEM) {
    // The cgroup was removed or made threaded behind our back: the mark still holds the tree.
    result->in_cgroup = false;
    result->cgroup_error = pid;
    request.cgroup_fd = -1;
    pid = clone_process(request, child_main, &context, &result->pidfd);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (answer[0] >= 0) {
    close(answer[1]);
    if (pid > 0) context.error = read_answer(answer[0]);
    close(answer[0]);
  }
  if (pid < 0) return pid;
  if (context.error != 0) {
    Ending ending;
    reap(pid, result->pidfd, false, &ending);
    if (result->pidfd >= 0) close(result->pidfd);
    result->pidfd = -1;
    return -context.error;
  }
  result->pid = pid;
  result->link_error = context.link_error;
  // It could not say so itself.
  if (answer[0] >= 0 && plan.death_signal != 0 && !features().pdeathsig) result->link_error = -EPERM;
  return 0;
}

}  // namespace procguard
