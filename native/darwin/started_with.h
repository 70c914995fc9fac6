// The arguments and the environment that a process was started with.
#pragma once

#include <stddef.h>
#include <sys/types.h>

namespace procguard {

constexpr size_t kMarkBytes = 160;
enum class MarkRead { kFound, kNone, kUnreadable };

// Holds one process's at a time, in memory that is taken at the first look.
class StartedWith {
 public:
  StartedWith() = default;
  StartedWith(const StartedWith&) = delete;
  StartedWith& operator=(const StartedWith&) = delete;
  ~StartedWith();
  // 0 or -errno; EINVAL: there is no such process, or it may not be looked at.
  int read(pid_t pid);
  // The next argument; nullptr: there are no more.
  const char* next_argument();
  // The value of PROCGUARD_HOST in the environment of the process that was read. A longer one than fits is
  // malformed and comes cut off. kUnreadable also for one without any environment: that of a program of
  // Apple's that is protected is withheld, and the kernel doesn't say so.
  MarkRead mark(char (&mark)[kMarkBytes]) const;

 private:
  char* bytes_ = nullptr;
  int left_ = 0;  // arguments that next_argument has not given yet
  const char* argument_ = nullptr;
  const char* environment_ = nullptr;
  const char* end_ = nullptr;
};

// read(), then mark().
MarkRead read_mark(StartedWith* reader, pid_t pid, char (&mark)[kMarkBytes]);

}  // namespace procguard
