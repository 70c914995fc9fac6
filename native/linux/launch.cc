#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "kernel.h"

// Code that runs in the child shares the host's memory, on a stack that sanitizers don't know.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IN_CHILD __attribute__((no_sanitize("address", "thread", "undefined")))
#else
#define IN_CHILD
#endif

#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ULL
#endif

namespace procguard {

namespace {

constexpr size_t kStackBytes = 64 * 1024;
constexpr int kFirstRealTime = 32;
constexpr const char* kShell = "/bin/sh";
constexpr const char* kDefaultPath = "/bin:/usr/bin";

// libc's setgroups, setgid and setuid make every thread of the host follow; the child needs the bare calls.
// On 32-bit x86 and ARM the calls without "32" take 16-bit ids.
#ifdef SYS_setgroups32
constexpr long kSetgroups = SYS_setgroups32, kSetgid = SYS_setgid32, kSetuid = SYS_setuid32;
#else
constexpr long kSetgroups = SYS_setgroups, kSetgid = SYS_setgid, kSetuid = SYS_setuid;
#endif

// What the child works with; all of it is allocated before clone.
struct ChildContext {
  LaunchPlan* plan;
  pid_t host;
  std::vector<std::string> candidates;
  std::vector<const char*> paths;  // of candidates, ends with nullptr
  std::vector<char*> shell_argv;   // for a program without a header, as execvp does it
  bool searched;                   // more than one candidate may be tried
  bool handlers_cleared;
  int error;                       // the child's answer; 0 once it has exec'd
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
int find_candidates(const LaunchPlan& plan, ChildContext* context) {
  context->searched = false;
  if (plan.file.empty()) return -ENOENT;
  if (plan.file.find('/') != std::string::npos) {
    context->candidates.push_back(plan.file);
    return 0;
  }
  if (plan.file.size() > NAME_MAX) return -ENAMETOOLONG;
  context->searched = true;
  const char* path = value_of(plan.envp, "PATH");
  if (path == nullptr) path = kDefaultPath;
  for (;;) {
    const char* end = strchrnul(path, ':');
    std::string folder(path, end);
    // An empty element means the current folder.
    if (folder.size() < PATH_MAX)
      context->candidates.push_back(folder.empty() ? plan.file : folder + '/' + plan.file);
    if (*end == '\0') return 0;
    path = end + 1;
  }
}

// `handlers_cleared`: the kernel has done it for handlers already, and what is ignored is left.
IN_CHILD void reset_signals(bool handlers_cleared) {
  struct sigaction standard;
  memset(&standard, 0, sizeof(standard));
  standard.sa_handler = SIG_DFL;
  for (int signal = 1; signal < (handlers_cleared ? kFirstRealTime : NSIG); signal++) {
    // A handler of the host must never run here, in memory that it shares. Above 31 an ignored signal stays
    // ignored, as libuv leaves it.
    struct sigaction now;
    if (signal >= kFirstRealTime && (sigaction(signal, nullptr, &now) != 0 || now.sa_handler == SIG_IGN)) continue;
    sigaction(signal, &standard, nullptr);
  }
}

IN_CHILD int place_descriptors(std::vector<int>& fds) {
  int count = static_cast<int>(fds.size());
  // First move away those that a later dup2 would overwrite.
  for (int fd = 0; fd < count; fd++) {
    if (fds[fd] < 0 || fds[fd] >= fd) continue;
    int moved = fcntl(fds[fd], F_DUPFD_CLOEXEC, count);
    if (moved < 0) return errno;
    fds[fd] = moved;
  }
  for (int fd = 0; fd < count; fd++) {
    int source = fds[fd];
    bool opened = false;
    if (source < 0) {
      if (fd > 2) continue;
      source = open("/dev/null", fd == 0 ? O_RDONLY : O_RDWR);
      if (source < 0) return errno;
      opened = true;
    }
    if (source == fd) {
      if (!opened) {
        int flags = fcntl(fd, F_GETFD);
        if (flags < 0 || fcntl(fd, F_SETFD, flags & ~FD_CLOEXEC) < 0) return errno;
      }
    } else if (dup2(source, fd) < 0) {
      return errno;
    }
    if (fd <= 2 && !opened) {
      // Programs expect blocking standard streams; the host's own are often not.
      int flags = fcntl(fd, F_GETFL);
      if (flags >= 0 && (flags & O_NONBLOCK)) fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
    }
    if (opened && source >= count) close(source);
  }
  return 0;
}

IN_CHILD int drop_privileges(const LaunchPlan& plan) {
  // The host's supplementary groups must not stay; it fails where the host isn't privileged, and then the
  // calls below decide.
  if (plan.set_uid || plan.set_gid) syscall(kSetgroups, 0, nullptr);
  if (plan.set_gid && syscall(kSetgid, plan.gid) != 0) return errno;
  if (plan.set_uid && syscall(kSetuid, plan.uid) != 0) return errno;
  return 0;
}

// False when the host is gone already. Compared with its pid, never with 1: under a subreaper, and in a
// container whose pid 1 is the host, 1 means nothing.
IN_CHILD bool arm(const ChildContext& context) {
  if (context.plan->death_signal == 0) return true;
  prctl(PR_SET_PDEATHSIG, static_cast<unsigned long>(context.plan->death_signal), 0, 0, 0);
  return getppid() == context.host;
}

IN_CHILD int execute(ChildContext* context) {
  char* const* envp = context->plan->envp.data();
  bool denied = false;
  int error = ENOENT;
  for (const char* const* path = context->paths.data(); *path != nullptr; path++) {
    execve(*path, context->plan->argv.data(), envp);
    if (errno == ENOEXEC) {
      context->shell_argv[1] = const_cast<char*>(*path);
      execve(kShell, context->shell_argv.data(), envp);
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
  LaunchPlan& plan = *context->plan;
  reset_signals(context->handlers_cleared);
  if (plan.new_session) setsid();
  if (!arm(*context)) return EPIPE;
  if (plan.slot != nullptr) {
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    plan.slot->announced_ns =
        static_cast<uint64_t>(now.tv_sec) * 1000000000u + static_cast<uint64_t>(now.tv_nsec);
    plan.slot->pid.store(getpid(), std::memory_order_release);
  }
  int error = place_descriptors(plan.fds);
  if (error != 0) return error;
  if (plan.cwd != nullptr && chdir(plan.cwd) != 0) return errno;
  error = drop_privileges(plan);
  if (error != 0) return error;
  // A change of credentials has cleared PDEATHSIG.
  if ((plan.set_uid || plan.set_gid) && !arm(*context)) return EPIPE;
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  return execute(context);
}

IN_CHILD int child_main(void* arg) {
  ChildContext* context = static_cast<ChildContext*>(arg);
  context->error = run_child(context);
  _exit(127);
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

}  // namespace

int launch(LaunchPlan& plan, Launched* result) {
  ChildContext context = {};
  context.plan = &plan;
  context.host = getpid();
  int error = find_candidates(plan, &context);
  if (error != 0) return error;
  for (const std::string& candidate : context.candidates) context.paths.push_back(candidate.c_str());
  context.paths.push_back(nullptr);
  context.shell_argv = {const_cast<char*>(kShell), nullptr};
  if (plan.argv[0] != nullptr)
    context.shell_argv.insert(context.shell_argv.end(), plan.argv.begin() + 1, plan.argv.end());
  else
    context.shell_argv.push_back(nullptr);

  context.handlers_cleared = features().clone3;
  uint64_t flags = CLONE_VM | CLONE_VFORK | (context.handlers_cleared ? CLONE_CLEAR_SIGHAND : 0);
  CloneRequest request = {flags, SIGCHLD, child_stack(), kStackBytes, plan.cgroup_fd};
  if (request.stack == nullptr) return -ENOMEM;
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
  if (pid < 0) return pid;
  if (context.error != 0) {
    Ending ending;
    reap(pid, result->pidfd, false, &ending);
    if (result->pidfd >= 0) close(result->pidfd);
    result->pidfd = -1;
    return -context.error;
  }
  result->pid = pid;
  return 0;
}

}  // namespace procguard
