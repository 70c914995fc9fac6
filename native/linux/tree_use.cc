#include "tree_use.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>

#include "identity.h"

namespace procguard {

namespace {

// Between a fork and its exec a new child still has its host's environment.
constexpr uint64_t kSettledNs = 2'000'000'000;

// The mark of a process stays what it is once the process has begun its program, so that it is read once.
// Only those that no parent and no session puts into a tree have to be asked for theirs.
struct KnownMark {
  pid_t pid;
  uint64_t start_ticks;
  uint64_t child_number;  // 0: it carries none of this host's
};

// By pid, ascending. Taken and put back as a whole, and not held meanwhile: to read the environment of a
// process waits for that process's memory to be free, which may take forever. Never destroyed: a sample may
// be under way when the process ends.
class Marks {
 public:
  std::vector<KnownMark> take() {
    std::lock_guard<std::mutex> lock(mutex_);
    return std::move(marks_);
  }

  void put(std::vector<KnownMark> marks) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (marks.size() > marks_.size()) marks_.swap(marks);
  }

 private:
  std::mutex mutex_;
  std::vector<KnownMark> marks_;
};

Marks& known_marks = *new Marks();

// The number in "<host identity>.<child number>[.<grace>]"; 0: no mark of this host.
uint64_t child_number_of(int proc_fd, pid_t pid) {
  char mark[kMarkBytes];
  const std::string& host = host_identity();
  if (read_mark(proc_fd, pid, mark) != MarkRead::kFound) return 0;
  if (strncmp(mark, host.c_str(), host.size()) != 0 || mark[host.size()] != '.') return 0;
  return strtoull(mark + host.size() + 1, nullptr, 10);
}

bool is_settled(const Sighting& seen) {
  static const uint64_t tick_ns = 1'000'000'000 / static_cast<uint64_t>(sysconf(_SC_CLK_TCK));
  // Start times count suspensions, and the monotonic clock doesn't.
  return seen.stat.start_ticks * tick_ns + kSettledNs < seen.at_ns + suspended_ns();
}

}  // namespace

int TreeTable::read(int proc_fd) {
  struct Reading {
    int proc_fd;
    std::vector<Row>* rows;
    int error;
  } reading = {proc_fd, &rows_, 0};
  int error = for_each_process(
      proc_fd,
      [](void* context, pid_t pid) {
        Reading* self = static_cast<Reading*>(context);
        Row row = {};
        row.root = -1;
        int failed = look_at_process(self->proc_fd, pid, &row.seen);
        if (failed == -ESRCH || failed == -EACCES) return true;
        // With processes left out the sums would say that a tree has become smaller.
        self->error = failed;
        if (failed == 0) self->rows->push_back(row);
        return failed == 0;
      },
      &reading);
  auto by_pid = [](const Row& a, const Row& b) { return a.seen.stat.pid < b.seen.stat.pid; };
  if (!std::is_sorted(rows_.begin(), rows_.end(), by_pid)) std::sort(rows_.begin(), rows_.end(), by_pid);
  return error != 0 ? error : reading.error;
}

TreeTable::Row* TreeTable::row_of(pid_t pid) {
  auto at = std::lower_bound(rows_.begin(), rows_.end(), pid,
                             [](const Row& row, pid_t wanted) { return row.seen.stat.pid < wanted; });
  return at != rows_.end() && at->seen.stat.pid == pid ? &*at : nullptr;
}

const Sighting* TreeTable::find(pid_t pid) const {
  const Row* row = const_cast<TreeTable*>(this)->row_of(pid);
  return row == nullptr ? nullptr : &row->seen;
}

bool TreeTable::adopt(Row* row, const Row* from) {
  if (from == nullptr || from->root < 0) return false;
  row->root = from->root;
  return true;
}

// Children of members, and the sessions that members lead: a session's number is no other process's pid.
void TreeTable::spread() {
  for (bool grows = true; grows;) {
    grows = false;
    for (Row& row : rows_) {
      const ProcessStat& stat = row.seen.stat;
      if (row.root >= 0) continue;
      if (adopt(&row, row_of(stat.parent))) {
        grows = true;
      } else if (stat.session > 0) {
        const Row* leader = row_of(stat.session);
        if (leader != nullptr && leader->seen.stat.session == stat.session) grows |= adopt(&row, leader);
      }
    }
  }
}

void TreeTable::find_marked(int proc_fd, const std::vector<SampledProcess>& roots) {
  std::vector<std::pair<uint64_t, int32_t>> numbers;
  for (size_t i = 0; i < roots.size(); i++) {
    if (roots[i].child_number != 0) numbers.emplace_back(roots[i].child_number, static_cast<int32_t>(i));
  }
  std::sort(numbers.begin(), numbers.end());
  std::vector<KnownMark> marks = known_marks.take(), seen_marks;
  seen_marks.reserve(marks.size() + 16);
  auto known = marks.begin();
  for (Row& row : rows_) {
    const ProcessStat& stat = row.seen.stat;
    if (row.root >= 0) continue;
    while (known != marks.end() && known->pid < stat.pid) ++known;
    bool is_known = known != marks.end() && known->pid == stat.pid && known->start_ticks == stat.start_ticks;
    uint64_t number = is_known ? known->child_number : child_number_of(proc_fd, stat.pid);
    if (is_known || number != 0 || is_settled(row.seen))
      seen_marks.push_back({stat.pid, stat.start_ticks, number});
    auto found = std::lower_bound(numbers.begin(), numbers.end(), std::make_pair(number, INT32_MIN));
    if (number != 0 && found != numbers.end() && found->first == number) row.root = found->second;
  }
  known_marks.put(std::move(seen_marks));
}

void TreeTable::add_up(int proc_fd, const std::vector<SampledProcess>& roots, std::vector<Sample>* samples) {
  static const uint64_t page_bytes = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  static const uint64_t tick_ns = 1'000'000'000 / static_cast<uint64_t>(sysconf(_SC_CLK_TCK));
  for (size_t i = 0; i < roots.size(); i++) {
    Row* row = (*samples)[i].error == 0 ? row_of(roots[i].pid) : nullptr;
    if (row != nullptr) row->root = static_cast<int32_t>(i);
  }
  spread();
  find_marked(proc_fd, roots);
  spread();
  for (const Row& row : rows_) {
    if (row.root < 0) continue;
    TreeUse& tree = (*samples)[row.root].tree;
    tree.processes += is_dead(row.seen.stat) ? 0 : 1;
    tree.cpu_ns += row.seen.cpu_ns + row.seen.stat.reaped_ticks * tick_ns;
    tree.resident_bytes += row.seen.stat.resident_pages * page_bytes;
  }
}

}  // namespace procguard
