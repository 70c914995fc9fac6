// System calls that libc doesn't wrap, and which of them this kernel and sandbox allow.
#pragma once

#include <sched.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>

// Code that runs in the child shares the host's memory, on a stack that the sanitizers don't know.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IN_CHILD __attribute__((no_sanitize("address", "thread", "undefined")))
#else
#define IN_CHILD
#endif

namespace procguard {

struct Features {
  bool pidfd;         // pidfd_open and poll on it (5.3)
  bool pidfd_signal;  // pidfd_send_signal (5.1)
  bool waitid_pidfd;  // waitid(P_PIDFD) (5.4)
  bool clone3;        // clone3 with CLONE_INTO_CGROUP (5.7); seccomp profiles often answer ENOSYS
  bool shared_child;  // CLONE_VM is honored; an emulator of another processor makes a plain fork of it
  bool pdeathsig;     // prctl(PR_SET_PDEATHSIG), which a sandbox may refuse
};

// Found by trying, once. PROCGUARD_DISABLE, a comma-separated list, makes a feature count as absent.
const Features& features();

// True when PROCGUARD_DISABLE names `mechanism`.
bool disabled(const char* mechanism);

// Runs fn(arg) in a new process on the stack [stack, stack + size); returns its pid, or -errno.
// cgroup_fd below 0: the caller's own cgroup. pidfd below 0 on return: none was made.
struct CloneRequest {
  uint64_t flags;
  int exit_signal;
  void* stack;
  size_t stack_size;
  int cgroup_fd;
};
pid_t clone_process(const CloneRequest& request, int (*fn)(void*), void* arg, int* pidfd);

int pidfd_open(pid_t pid);                     // fd or -errno
int pidfd_send_signal(int pidfd, int signal);  // 0 or -errno; -ENOSYS: do it by pid

// How a process that was waited for ended.
struct Ending {
  int exit_code;
  int signal;  // 0: it exited by itself
};
// 1: reaped; 0: still running (only with no_hang); -errno otherwise. -ECHILD: somebody else reaped it.
int reap(pid_t pid, int pidfd, bool no_hang, Ending* ending);

}  // namespace procguard
