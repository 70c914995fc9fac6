// Says, in one JavaScript thread's loop, that processes have ended.
#pragma once

#include <uv.h>

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#include "reap.h"

namespace procguard {

struct RegistrySlot;

// A process that is watched. The owner keeps it alive until `ended` was called or ExitWatch::remove.
struct Watched {
  pid_t pid = 0;
  uint64_t start_ticks = 0;      // of one that is not our child
  bool is_child = false;         // reaped at its end
  bool referenced = true;        // keeps the loop alive
  RegistrySlot* slot = nullptr;  // returned when it has been reaped
  uint64_t order = 0;
  bool watched = false;
  // `known` is false when somebody else has reaped the child, or it wasn't ours.
  std::function<void(bool known, Ending ending)> ended;
};

// All of a loop's processes hang on one kqueue, and that on one poll handle. libuv waits for its own children
// by their pids, so neither takes the other's.
class ExitWatch {
 public:
  // 0 or -errno.
  static int create(uv_loop_t* loop, ExitWatch** made);
  // 0 or -errno.
  int add(Watched* process);
  void remove(Watched* process);
  void set_referenced(Watched* process, bool referenced);
  // Ends the watch; children that still run are reaped by the keeper's thread from now on. Calls done when
  // the loop has let go of everything, and deletes itself before.
  void close(std::function<void()> done);

 private:
  int watch_stranger(Watched* process);
  void collect();
  void make_ready(pid_t pid);
  void deliver();
  void deliver_soon();
  void release(Watched* process);
  void forget(Watched* process);
  void count_reference(int change);
  void for_each_handle(void (*apply)(uv_handle_t* handle));

  int events_fd_ = -1;
  uv_poll_t poll_ = {};
  uv_check_t check_ = {};
  uv_idle_t idle_ = {};    // lets the next poll return at once
  uv_timer_t again_ = {};  // for those that are ending, and can't be reaped yet
  int open_handles_ = 0;
  int references_ = 0;
  uint64_t last_order_ = 0;
  std::vector<Watched*> watched_;
  // A kqueue has one place for each pid; a child may be watched twice, as awaitEnd does it.
  std::unordered_multimap<pid_t, Watched*> by_pid_;
  std::vector<Watched*> ready_;
  std::function<void()> closed_;
};

}  // namespace procguard
