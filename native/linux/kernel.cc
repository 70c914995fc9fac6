#include "kernel.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "syscalls.h"

namespace procguard {

namespace {

// The kernel's struct clone_args as of 5.7; older headers have a shorter one.
struct CloneArgs {
  uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size,
      cgroup;
};

// libc has no wrapper that gives the child a stack and a function. The registers that hold fn and arg survive
// the system call; the child never returns from fn.
long clone3_call(CloneArgs* args, int (*fn)(void*), void* arg) {
#if defined(__x86_64__)
  long result;
  asm volatile(
      "syscall\n\t"
      "test %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "xor %%ebp, %%ebp\n\t"
      "mov %[arg], %%rdi\n\t"
      "call *%[fn]\n\t"
      "hlt\n"
      "1:"
      : "=a"(result)
      : "a"(SYS_clone3), "D"(args), "S"(sizeof(*args)), [fn] "r"(fn), [arg] "r"(arg)
      : "rcx", "r11", "memory", "cc");
  return result;
#elif defined(__aarch64__)
  register long number asm("x8") = SYS_clone3;
  register long first asm("x0") = reinterpret_cast<long>(args);
  register long second asm("x1") = sizeof(*args);
  asm volatile(
      "svc #0\n\t"
      "cbnz x0, 1f\n\t"
      "mov x29, #0\n\t"
      "mov x0, %[arg]\n\t"
      "blr %[fn]\n\t"
      "brk #0\n"
      "1:"
      : "+r"(first)
      : "r"(number), "r"(second), [fn] "r"(fn), [arg] "r"(arg)
      : "memory", "cc");
  return first;
#else
  (void)args, (void)fn, (void)arg;
  return -ENOSYS;
#endif
}

constexpr uint64_t kNoDescriptor = 0x7fffffff;

IN_CHILD int leave_trace(void* trace) {
  *static_cast<volatile bool*>(trace) = true;
  syscall(SYS_exit_group, 0);
  __builtin_unreachable();
}

// Whether a child that is to share our memory does.
bool try_sharing() {
  alignas(16) static char stack[16 * 1024];
  volatile bool trace = false;
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_t pid =
      clone(leave_trace, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, const_cast<bool*>(&trace));
  Ending ending;
  if (pid > 0) reap(pid, -1, false, &ending);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  // Out of processes for the moment: children will be started in the usual way.
  return trace || pid < 0;
}

Features probe() {
  Features found = {};
  int self = disabled("pidfd") ? -ENOSYS : pidfd_open(getpid());
  if (self >= 0) {
    found.pidfd = true;
    found.pidfd_signal =
        !disabled("pidfd-signal") && syscall(SYS_pidfd_send_signal, self, 0, nullptr, 0) == 0;
    siginfo_t info = {};
    // This process is not its own child: a kernel that knows P_PIDFD says ECHILD, one that doesn't EINVAL.
    found.waitid_pidfd =
        !disabled("waitid-pidfd") &&
        waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(self), &info, WEXITED | WNOHANG) < 0 &&
        errno == ECHILD;
    close(self);
  }
#if defined(__x86_64__) || defined(__aarch64__)
  // Nothing is made: a kernel that knows both flags looks for the cgroup and says EBADF, an older one EINVAL.
  CloneArgs args = {};
  args.flags = CLONE_VM | CLONE_VFORK | CLONE_INTO_CGROUP | CLONE_CLEAR_SIGHAND;
  args.exit_signal = SIGCHLD;
  args.cgroup = kNoDescriptor;
  found.clone3 = !disabled("clone3") && syscall(SYS_clone3, &args, sizeof(args)) < 0 && errno == EBADF;
#endif
  found.shared_child = !disabled("shared-child") && (found.clone3 || try_sharing());
  // No signal has this number, and nothing is changed.
  found.pdeathsig = prctl(PR_SET_PDEATHSIG, ~0ul, 0, 0, 0) < 0 && errno == EINVAL;
  return found;
}

}  // namespace

bool disabled(const char* mechanism) {
  const char* list = getenv("PROCGUARD_DISABLE");
  size_t length = strlen(mechanism);
  while (list != nullptr && *list != '\0') {
    if (strncmp(list, mechanism, length) == 0 && (list[length] == ',' || list[length] == '\0')) return true;
    list = strchr(list, ',');
    if (list != nullptr) list++;
  }
  return false;
}

const Features& features() {
  static const Features found = probe();
  return found;
}

pid_t clone_process(const CloneRequest& request, int (*fn)(void*), void* arg, int* pidfd) {
  *pidfd = -1;
  if (features().clone3) {
    CloneArgs args = {};
    args.flags = request.flags | (features().pidfd ? CLONE_PIDFD : 0) |
                 (request.cgroup_fd >= 0 ? CLONE_INTO_CGROUP : 0);
    args.pidfd = reinterpret_cast<uint64_t>(pidfd);
    args.exit_signal = static_cast<uint64_t>(request.exit_signal);
    args.stack = reinterpret_cast<uint64_t>(request.stack);
    args.stack_size = request.stack_size;
    args.cgroup = request.cgroup_fd >= 0 ? static_cast<uint64_t>(request.cgroup_fd) : 0;
    return static_cast<pid_t>(clone3_call(&args, fn, arg));
  }
  if (request.cgroup_fd >= 0) return -ENOSYS;
  void* top = static_cast<char*>(request.stack) + request.stack_size;
  int plain_flags = static_cast<int>(request.flags) | request.exit_signal;
  pid_t pid = -1;
  if (features().pidfd) pid = clone(fn, top, plain_flags | CLONE_PIDFD, arg, pidfd);
  if (pid < 0 && (!features().pidfd || errno == EINVAL)) {
    // Emulators of another processor refuse CLONE_PIDFD. The child keeps its pid until it is reaped.
    pid = clone(fn, top, plain_flags, arg);
    if (pid > 0 && features().pidfd) *pidfd = pidfd_open(pid);
    if (pid > 0 && *pidfd < 0) *pidfd = -1;
  }
  return pid < 0 ? -errno : pid;
}

int pidfd_open(pid_t pid) {
  long fd = syscall(SYS_pidfd_open, pid, 0);
  return fd < 0 ? -errno : static_cast<int>(fd);
}

int pidfd_send_signal(int pidfd, int signal) {
  if (!features().pidfd_signal) return -ENOSYS;
  return syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) < 0 ? -errno : 0;
}

int reap(pid_t pid, int pidfd, bool no_hang, Ending* ending) {
  siginfo_t info = {};
  int options = WEXITED | (no_hang ? WNOHANG : 0);
  int result;
  do {
    // By pid is as safe as by pidfd while the child is ours: its pid isn't free before we reap it.
    result = pidfd >= 0 && features().waitid_pidfd
                 ? waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd), &info, options)
                 : waitid(P_PID, static_cast<id_t>(pid), &info, options);
  } while (result < 0 && errno == EINTR);
  if (result < 0) return -errno;
  if (info.si_pid == 0) return 0;
  ending->exit_code = info.si_code == CLD_EXITED ? info.si_status : 0;
  ending->signal = info.si_code == CLD_EXITED ? 0 : info.si_status;
  return 1;
}

}  // namespace procguard
