#include "adopted_children.h"

#include <sys/event.h>

#include <algorithm>
#include <mutex>
#include <vector>

#include "guard_state.h"
#include "process_events.h"
#include "reap.h"

namespace procguard {

namespace {

constexpr int64_t kLookAgainMs = 1;
constexpr int64_t kLongestMs = 1000;  // for one that is stuck in the kernel

struct Adopted {
  pid_t pid;
  RegistrySlot* slot;
};

// Of the keeper's thread alone.
struct Ended {
  std::vector<Adopted*> children;
  int64_t look_again_ms = kLookAgainMs;
};
Ended& ended() {
  static Ended* const instance = new Ended();
  return *instance;
}

}  // namespace

int keeper_events_fd() {
  // Never destroyed: a thread that outlives main uses it.
  static std::mutex& mutex = *new std::mutex();
  static int fd = -1;
  std::lock_guard<std::mutex> lock(mutex);
  if (fd < 0) fd = open_events();
  return fd;
}

void adopt_child(pid_t pid, RegistrySlot* slot) {
  Adopted* child = new Adopted{pid, slot};
  if (watch_end(keeper_events_fd(), pid, child) == 0) return;
  delete child;
  Ending ending;
  // It has ended; one that is only ending stays a zombie until the host ends, as it does with Node. Then the
  // slot stays with its pid.
  if (reap(pid, true, &ending) != 0) return_slot(slot);
}

bool reap_adopted_child(const struct kevent& event) {
  if (event.filter != EVFILT_PROC || event.udata == nullptr) return false;
  // The event comes a moment before there is something to reap.
  ended().children.push_back(static_cast<Adopted*>(event.udata));
  ended().look_again_ms = kLookAgainMs;
  return true;
}

int64_t reap_ending_children() {
  std::vector<Adopted*>& children = ended().children;
  auto is_reaped = [](Adopted* child) {
    Ending ending;
    if (reap(child->pid, true, &ending) == 0) return false;
    return_slot(child->slot);
    delete child;
    return true;
  };
  children.erase(std::remove_if(children.begin(), children.end(), is_reaped), children.end());
  if (children.empty()) return -1;
  int64_t ms = ended().look_again_ms;
  ended().look_again_ms = std::min(2 * ms, kLongestMs);
  return ms;
}

}  // namespace procguard
