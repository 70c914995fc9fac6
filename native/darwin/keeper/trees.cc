#include "darwin/keeper/trees.h"

#include <limits.h>
#include <unistd.h>

#include <algorithm>

#include "darwin/keeper/registered.h"

namespace procguard {

namespace {

// The grace in "<prefix><child number>[.<grace>]"; false: another host's mark.
bool parse_mark(const char* mark, const char* prefix, uint32_t* grace_ms) {
  while (*prefix != '\0') {
    if (*mark++ != *prefix++) return false;
  }
  while (*mark >= '0' && *mark <= '9') mark++;
  uint64_t grace = 0;
  if (*mark == '.') {
    for (mark++; *mark >= '0' && *mark <= '9' && grace < UINT32_MAX; mark++)
      grace = grace * 10 + static_cast<unsigned>(*mark - '0');
  }
  *grace_ms = static_cast<uint32_t>(std::min<uint64_t>(grace, kAlone - 1));
  return true;
}

}  // namespace

int Trees::look() {
  rows_.clear();
  int error = list_.read();
  if (error == 0)
    for (size_t i = 0; i < list_.count(); i++) add_row(list_.at(i));
  else
    read_one_by_one();
  std::sort(rows_.begin(), rows_.end(), [](const Row& a, const Row& b) { return a.stat.pid < b.stat.pid; });
  // A member that is registered was looked at twice.
  auto is_same = [](const Row& a, const Row& b) { return a.stat.pid == b.stat.pid; };
  rows_.erase(std::unique(rows_.begin(), rows_.end(), is_same), rows_.end());
  find_known();
  find_registered();
  find_marked();
  find_relatives();
  return error;
}

// A sandbox may refuse the list of all processes, and allow a look at one of which the pid is known.
void Trees::read_one_by_one() {
  auto look_at = [this](pid_t pid) {
    ProcessStat stat;
    if (pid > 1 && read_stat(pid, &stat) == 0) add_row(stat);
  };
  for (const Member& member : members_) look_at(member.pid);
  uint32_t used = registry_.used.load(std::memory_order_acquire);
  for (uint32_t i = 0; i < used && i < kRegistrySlots; i++)
    look_at(registry_.slots[i].pid.load(std::memory_order_acquire));
}

void Trees::add_row(const ProcessStat& stat) {
  // A nested host's keeper ends by itself, when it has ended its own trees.
  if (stat.pid <= 1 || stat.pid == getpid() || is_dead(stat) || stat.is_keeper) return;
  Row row = {stat, {}, -1};
  if (!read_lineage(stat.pid, &row.lineage)) row.lineage = {};
  rows_.push_back(row);
}

const Trees::Row* Trees::row_of(pid_t pid) const {
  auto at = std::lower_bound(rows_.begin(), rows_.end(), pid,
                             [](const Row& row, pid_t wanted) { return row.stat.pid < wanted; });
  return at != rows_.end() && at->stat.pid == pid ? &*at : nullptr;
}

void Trees::find_known() {
  for (size_t i = 0; i < members_.size(); i++) {
    Member& member = members_[i];
    Row* row = const_cast<Row*>(row_of(member.pid));
    member.is_alive = row != nullptr && row->stat.start_ticks == member.start_ticks;
    if (!member.is_alive) continue;
    row->member = static_cast<int>(i);
    // It may have become a leader since.
    member.leads_session = row->stat.session == member.pid;
    member.leads_group = row->stat.group == member.pid;
  }
}

void Trees::find_registered() {
  uint32_t used = registry_.used.load(std::memory_order_acquire);
  for (uint32_t i = 0; i < used && i < kRegistrySlots; i++) {
    const RegistrySlot& slot = registry_.slots[i];
    Row* row = const_cast<Row*>(row_of(slot.pid.load(std::memory_order_acquire)));
    // Another start time: a stranger that got a used pid.
    if (row == nullptr || row->stat.start_ticks * 1000 != slot.announced_ns) continue;
    add(row, slot.grace_ms & ~kAlone, (slot.grace_ms & kAlone) != 0);
  }
}

void Trees::find_marked() {
  for (Row& row : rows_) {
    char mark[kMarkBytes];
    uint32_t grace_ms;
    if (row.member >= 0 || read_mark(&reader_, row.stat.pid, mark) != MarkRead::kFound) continue;
    if (!parse_mark(mark, prefix_, &grace_ms)) continue;
    // What was read may be of another process that has got the pid since.
    if (check_identity(row.stat.pid, row.stat.start_ticks) == 0) add(&row, grace_ms, false);
  }
}

void Trees::find_relatives() {
  for (bool grows = true; grows;) {
    grows = false;
    for (Row& row : rows_) {
      int relative = row.member >= 0 ? -1 : relative_of(row);
      if (relative < 0) continue;
      add(&row, members_[static_cast<size_t>(relative)].grace_ms, false);
      grows = true;
    }
  }
}

// Index of a member that this one belongs to; below 0: none.
int Trees::relative_of(const Row& row) const {
  const Row* parent = row_of(row.stat.parent);
  if (parent != nullptr && parent->member >= 0 && !members_[static_cast<size_t>(parent->member)].is_alone)
    return parent->member;
  for (size_t i = 0; i < members_.size(); i++) {
    const Member& member = members_[i];
    if (member.is_alone) continue;
    bool is_made_by = member.lineage != 0 && row.lineage.parents == member.lineage;
    bool is_led = (member.leads_session && row.stat.session == member.pid) ||
                  (member.leads_group && row.stat.group == member.pid);
    // The number of a session or group isn't given to a new process while it has members.
    if (is_made_by || (is_led && still_has(member.pid, member.start_ticks))) return static_cast<int>(i);
  }
  return -1;
}

// False: the pid is another process's by now, and so may be what it leads.
bool Trees::still_has(pid_t pid, uint64_t start_ticks) const {
  const Row* row = row_of(pid);
  return row == nullptr || row->stat.start_ticks == start_ticks;
}

void Trees::add(Row* row, uint32_t grace_ms, bool is_alone) {
  if (row->member >= 0) return;
  row->member = static_cast<int>(members_.size());
  const ProcessStat& stat = row->stat;
  members_.push_back({stat.pid, stat.start_ticks, row->lineage.own, grace_ms, stat.session == stat.pid,
                      stat.group == stat.pid, is_alone, false, true});
}

}  // namespace procguard
