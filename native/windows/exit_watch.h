// Says, in one JavaScript thread's loop, that processes have ended.
#pragma once

#include <uv.h>
#include <windows.h>

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace procguard {

class ExitWatch;

// A process that is watched. The owner keeps it alive until `ended` was called or ExitWatch::remove.
struct Watched {
  HANDLE process = nullptr;
  bool referenced = true;  // keeps the loop alive
  bool watched = false;
  uint64_t order = 0;
  HANDLE wait = nullptr;
  ExitWatch* watch = nullptr;
  std::function<void()> ended;
};

// Windows' own threads wait for the processes, many each; one wake-up handle brings the news into the loop.
class ExitWatch {
 public:
  // 0 or a libuv error.
  static int create(uv_loop_t* loop, ExitWatch** made);
  // 0 or a libuv error.
  int add(Watched* process);
  void remove(Watched* process);
  void set_referenced(Watched* process, bool referenced);
  // Ends the watch. Calls done when the loop has let go of everything, and deletes itself before.
  void close(std::function<void()> done);

 private:
  static void CALLBACK note_end(void* data, BOOLEAN);
  void deliver();
  void release(Watched* process);
  void count_reference(int change);

  uv_async_t wake_ = {};
  int references_ = 0;
  std::vector<Watched*> watched_;
  SRWLOCK lock_ = SRWLOCK_INIT;
  uint64_t last_order_ = 0;
  // Under the lock. An address alone may be another process's by the time that it is its turn.
  std::vector<std::pair<Watched*, uint64_t>> ready_;
  std::function<void()> closed_;
};

}  // namespace procguard
