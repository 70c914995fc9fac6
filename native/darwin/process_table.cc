#include "process_table.h"

#include <errno.h>
#include <signal.h>

namespace procguard {

int snapshot(std::vector<ProcessEntry>* table) {
  ProcessList list;
  int error = list.read();
  if (error != 0) return error;
  StartedWith reader;
  table->reserve(list.count());
  for (size_t i = 0; i < list.count(); i++) {
    ProcessEntry entry = {list.at(i), MarkRead::kNone, "", true};
    char mark[kMarkBytes];
    if (!is_dead(entry.stat)) entry.mark_read = read_mark(&reader, entry.stat.pid, mark);
    if (entry.mark_read == MarkRead::kFound) {
      entry.mark = mark;
      // What was read may be of another process that has got the pid since.
      ProcessStat now;
      bool is_same = read_stat(entry.stat.pid, &now) == 0 && now.start_ticks == entry.stat.start_ticks;
      if (!is_same) entry.mark_read = MarkRead::kUnreadable;
    }
    table->push_back(std::move(entry));
  }
  return 0;
}

int send_signal(pid_t pid, uint64_t start_ticks, int signal) {
  if (pid <= 1) return -EINVAL;
  int error = check_identity(pid, start_ticks);
  if (error != 0) return error;
  // macOS has nothing that pins a pid. Right here it could be given away: pids go round only after some
  // 99,000 others.
  return kill(pid, signal) == 0 ? 0 : -errno;
}

}  // namespace procguard
