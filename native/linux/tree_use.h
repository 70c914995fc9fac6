// What whole trees use, from one look at the process table.
#pragma once

#include <vector>

#include "sample.h"
#include "sighting.h"

namespace procguard {

class TreeTable {
 public:
  // 0 or -errno. A process that may not be looked at is left out.
  int read(int proc_fd);

  // Null: not in the table.
  const Sighting* find(pid_t pid) const;

  // Fills in `tree` of each sample. A tree is what killTree takes for it: descendants, the sessions that
  // members lead, and what carries the mark of the tree.
  void add_up(int proc_fd, const std::vector<SampledProcess>& roots, std::vector<Sample>* samples);

 private:
  struct Row {
    Sighting seen;
    int32_t root;  // index of the tree that it belongs to; below 0: none
  };

  Row* row_of(pid_t pid);
  bool adopt(Row* row, const Row* from);
  void spread();
  void find_marked(int proc_fd, const std::vector<SampledProcess>& roots);

  std::vector<Row> rows_;  // by pid, ascending
};

}  // namespace procguard
