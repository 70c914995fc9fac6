// Says, in one JavaScript thread's loop, that processes have ended.
#pragma once

#include <uv.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "kernel.h"

namespace procguard {

struct RegistrySlot;

// A process that is watched. The owner keeps it alive until `ended` was called or ExitWatch::remove.
struct Watched {
  pid_t pid = 0;
  int pidfd = -1;
  bool is_child = false;         // reaped at its end
  bool referenced = true;        // keeps the loop alive
  RegistrySlot* slot = nullptr;  // returned when it has been reaped
  uint64_t order = 0;
  bool watched = false;
  bool polled = false;
  // `known` is false when somebody else has reaped the child, or it wasn't ours.
  std::function<void(bool known, Ending ending)> ended;
};

// All of a loop's processes hang on one epoll descriptor, and that on one poll handle. Without pidfds it
// listens to SIGCHLD and asks for each child, as libuv does.
class ExitWatch {
 public:
  // 0 or -errno. Made before the first child is started, so that no SIGCHLD is missed.
  static int create(uv_loop_t* loop, ExitWatch** made);
  // Takes the pidfd over in any case. 0 or -errno.
  int add(Watched* process);
  void remove(Watched* process);
  void set_referenced(Watched* process, bool referenced);
  // Ends the watch; children that still run are reaped by the keeper's thread from now on. Calls done when
  // the loop has let go of everything, and deletes itself before.
  void close(std::function<void()> done);

 private:
  ExitWatch() = default;
  int listen_to_sigchld();
  void collect_ready();
  void collect_by_signal();
  void deliver();
  void release(Watched* process);
  void stop_polling(Watched* process);
  void count_reference(int change);

  int epoll_fd_ = -1;
  uv_poll_t poll_ = {};
  uv_check_t check_ = {};
  uv_signal_t signal_ = {};
  bool signal_started_ = false;
  int open_handles_ = 0;
  int references_ = 0;
  uint64_t last_order_ = 0;
  std::vector<Watched*> watched_;
  std::vector<Watched*> by_signal_;
  std::vector<Watched*> ready_;
  std::function<void()> closed_;
};

}  // namespace procguard
