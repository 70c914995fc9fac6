#include "tree_use.h"

#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <map>
#include <mutex>
#include <unordered_map>

#include "identity.h"
#include "started_with.h"
#include "usage.h"

namespace procguard {

namespace {

// Between a fork and its exec a new child still has its host's environment.
constexpr uint64_t kSettledUs = 2'000'000;

struct Row {
  ProcessStat stat;
  int root;  // index of the tree that it belongs to; below 0: none
};

using Table = std::unordered_map<pid_t, Row>;
using Identity = std::pair<pid_t, uint64_t>;
// The child number in the mark; 0: it carries none of this host's.
using Marks = std::map<Identity, uint64_t>;

// The mark of a process stays what it is once the process has begun its program, so that it is read once.
// Never destroyed: a sample may be under way when the process ends.
struct KnownMarks {
  std::mutex mutex;
  Marks marks;
};
KnownMarks& known_marks = *new KnownMarks();

uint64_t now_us() {
  struct timeval now;
  gettimeofday(&now, nullptr);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000 + static_cast<uint64_t>(now.tv_usec);
}

// The number in "<host identity>.<child number>[.<grace>]"; 0: no mark of this host.
uint64_t child_number_of(StartedWith* reader, pid_t pid) {
  char mark[kMarkBytes];
  const std::string& host = host_identity();
  if (read_mark(reader, pid, mark) != MarkRead::kFound) return 0;
  if (strncmp(mark, host.c_str(), host.size()) != 0 || mark[host.size()] != '.') return 0;
  return strtoull(mark + host.size() + 1, nullptr, 10);
}

int root_of(const Table& table, pid_t pid) {
  auto found = table.find(pid);
  return found == table.end() ? -1 : found->second.root;
}

// Children of members, and the sessions that members lead: a session's number is no other process's pid.
void spread(Table* table) {
  for (bool grows = true; grows;) {
    grows = false;
    for (auto& [pid, row] : *table) {
      if (row.root >= 0) continue;
      row.root = root_of(*table, row.stat.parent);
      if (row.root < 0 && row.stat.session > 0) row.root = root_of(*table, row.stat.session);
      grows |= row.root >= 0;
    }
  }
}

// Of those that no parent and no session puts into a tree.
void find_marked(const std::vector<SampledProcess>& roots, Table* table) {
  std::unordered_map<uint64_t, int> numbers;
  for (size_t i = 0; i < roots.size(); i++) {
    if (roots[i].child_number != 0) numbers.emplace(roots[i].child_number, static_cast<int>(i));
  }
  if (numbers.empty()) return;
  Marks known, seen;
  {
    std::lock_guard<std::mutex> lock(known_marks.mutex);
    known.swap(known_marks.marks);
  }
  StartedWith reader;
  uint64_t now = now_us();
  for (auto& [pid, row] : *table) {
    if (row.root >= 0 || is_dead(row.stat)) continue;
    Identity identity = {pid, row.stat.start_ticks};
    auto before = known.find(identity);
    uint64_t number = before != known.end() ? before->second : child_number_of(&reader, pid);
    if (number != 0 || row.stat.start_ticks + kSettledUs < now) seen.emplace(identity, number);
    auto found = numbers.find(number);
    if (found != numbers.end()) row.root = found->second;
  }
  std::lock_guard<std::mutex> lock(known_marks.mutex);
  if (seen.size() > known_marks.marks.size()) known_marks.marks.swap(seen);
}

}  // namespace

int add_up_trees(const std::vector<SampledProcess>& roots, std::vector<Sample>* samples) {
  ProcessList list;
  int error = list.read();
  if (error != 0) return error;
  Table table;
  for (size_t i = 0; i < list.count(); i++) {
    ProcessStat stat = list.at(i);
    table[stat.pid] = {stat, -1};
  }
  for (size_t i = 0; i < roots.size(); i++) {
    auto found = table.find(roots[i].pid);
    if ((*samples)[i].error == 0 && found != table.end()) found->second.root = static_cast<int>(i);
  }
  spread(&table);
  find_marked(roots, &table);
  spread(&table);
  for (const auto& [pid, row] : table) {
    Usage usage;
    if (row.root < 0 || read_usage(pid, &usage) != 0) continue;
    TreeUse& tree = (*samples)[static_cast<size_t>(row.root)].tree;
    tree.processes += is_dead(row.stat) ? 0 : 1;
    tree.cpu_ns += usage.cpu_ns + usage.reaped_ns;
    tree.resident_bytes += usage.footprint_bytes;
  }
  return 0;
}

}  // namespace procguard
