// Reads /proc without a heap, for the addon and for the keeper.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

namespace procguard {

struct ProcessStat {
  pid_t pid, parent, group, session;
  char state;  // 'Z' and 'X' are dead
  uint64_t start_ticks;
  bool is_keeper;  // of any host, by its name
};

// False: there is no such process, or it can't be read.
bool read_stat(int proc_fd, pid_t pid, ProcessStat* stat);

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
