// Reads /proc without a heap, for the addon and for the keeper.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

namespace procguard {

struct ProcessStat {
  pid_t pid, parent, group, session;
  char state;
  long threads;
  uint64_t start_ticks;
  uint64_t cpu_ticks;     // user and system time of all its threads
  uint64_t reaped_ticks;  // the same of its children that have ended and that it has waited for
  uint64_t resident_pages;
  bool is_keeper;  // of any host, by its name
};

// A descriptor of /proc; -ENOSYS: it isn't mounted; -EXDEV: it counts the pids of another pid namespace, in
// which a pid of ours is a stranger's; -errno.
int open_proc();

// 0 or -errno; -ESRCH when there is no such process.
int read_stat(int proc_fd, pid_t pid, ProcessStat* stat);

// Of another thread than the first, which may have ended before the process; -ESRCH when there is none.
int read_other_thread_stat(int proc_fd, pid_t pid, ProcessStat* stat);

// The process that traces this one; 0: none. -errno.
pid_t read_tracer(int proc_fd, pid_t pid);

// A zombie is dead. A process whose first thread has ended while others go on looks like one, and isn't.
inline bool is_dead(const ProcessStat& stat) {
  return stat.state == 'X' || (stat.state == 'Z' && stat.threads <= 1);
}

constexpr size_t kMarkBytes = 160;
enum class MarkRead { kFound, kNone, kUnreadable };
// The value of PROCGUARD_HOST in the environment that the process was started with. A longer one than fits is
// malformed and comes cut off. A zombie has none.
MarkRead read_mark(int proc_fd, pid_t pid, char (&mark)[kMarkBytes]);

// Calls visit(context, name) for each entry of the directory until it returns false. 0 or -errno.
int for_each_entry(int directory_fd, bool (*visit)(void* context, const char* name), void* context);

// Calls visit(context, pid) for each process until it returns false. 0 or -errno.
int for_each_process(int proc_fd, bool (*visit)(void* context, pid_t pid), void* context);

}  // namespace procguard
