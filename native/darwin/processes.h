// What the kernel tells of processes by sysctl, for the addon and for the keeper.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct kinfo_proc;

namespace procguard {

struct ProcessStat {
  pid_t pid, parent, group, session;
  char state;            // R, S, T (stopped), Z or I (being made)
  uint64_t start_ticks;  // microseconds since 1970; with the pid, its identity
  bool is_keeper;        // of any host, by its name
  bool has_executed;     // false: it was forked, and is still what its parent was
};

// 0 or -errno; -ESRCH when there is no such process.
int read_stat(pid_t pid, ProcessStat* stat);

inline bool is_dead(const ProcessStat& stat) {
  return stat.state == 'Z';
}

// 0: it is that process, and it lives; -ESRCH: it isn't, or has ended; another -errno: can't tell.
int check_identity(pid_t pid, uint64_t start_ticks);

// Whether a ProcessList can be read: 0 or -errno. Takes no memory.
int try_list();

// Every process of the machine, as one call of the kernel saw it.
class ProcessList {
 public:
  ProcessList() = default;
  ProcessList(const ProcessList&) = delete;
  ProcessList& operator=(const ProcessList&) = delete;
  ~ProcessList();
  // 0 or -errno.
  int read();
  size_t count() const { return count_; }
  ProcessStat at(size_t index) const;

 private:
  kinfo_proc* list_ = nullptr;
  size_t room_bytes_ = 0;
  size_t count_ = 0;
};

// Numbers that the kernel gives to each process once, and never again: its own, and that of the process that
// made it. The latter stays when the parent ends and launchd adopts the child.
struct Lineage {
  uint64_t own, parents;
};
// False: it may not be looked at, or has ended.
bool read_lineage(pid_t pid, Lineage* lineage);

}  // namespace procguard
