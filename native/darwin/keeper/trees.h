// What the dead host's trees are made of.
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include <vector>

#include "darwin/processes.h"
#include "darwin/started_with.h"
#include "keeper/registry.h"

namespace procguard {

// A process that was seen to belong to one of them.
struct Member {
  pid_t pid;
  uint64_t start_ticks;
  uint64_t lineage;  // the kernel's own number of it; 0: unknown
  uint32_t grace_ms;
  bool leads_session, leads_group;
  bool is_alone;   // what it has started doesn't belong to it
  bool was_asked;  // it has got its SIGTERM
  bool is_alive;   // as of the last look
};

// Everything that was ever seen of them. A process belongs to them
//   that is registered, by pid and start time;
//   that carries the host's mark;
//   whose parent belongs to them, or that was made by one of them, also if launchd has adopted it since;
//   that is in the session or the process group that one of them led.
class Trees {
 public:
  // `prefix`: what the marks of the host's children begin with.
  Trees(const Registry& registry, const char* prefix) : registry_(registry), prefix_(prefix) {}

  // One look at the whole machine. 0, or -errno where that was refused: then it was only at those that are
  // registered, and at those that were found before.
  int look();
  std::vector<Member>& members() { return members_; }

 private:
  struct Row {
    ProcessStat stat;
    Lineage lineage;
    int member;  // index; below 0: none
  };

  void read_one_by_one();
  void add_row(const ProcessStat& stat);
  void find_known();
  void find_registered();
  void find_marked();
  void find_relatives();
  int relative_of(const Row& row) const;
  const Row* row_of(pid_t pid) const;
  bool still_has(pid_t id, uint64_t start_ticks) const;
  void add(Row* row, uint32_t grace_ms, bool is_alone);

  const Registry& registry_;
  const char* prefix_;
  ProcessList list_;
  StartedWith reader_;
  std::vector<Row> rows_;  // by pid, ascending; only living ones that may be signalled
  std::vector<Member> members_;
};

}  // namespace procguard
