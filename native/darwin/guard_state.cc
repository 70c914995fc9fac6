#include "guard_state.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/event.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <vector>

#include "adopted_children.h"
#include "disabled.h"
#include "keeper_process.h"
#include "process_events.h"
#include "reap.h"

namespace procguard {

namespace {

// A keeper that died sooner than this after its start is restarted with a growing pause, up to
// kLongestPauseMs.
constexpr int64_t kHealthyMs = 2000;
constexpr int kLongestPauseMs = 10000;
// So many quick deaths in a row and the state says "failed"; restarting goes on.
constexpr int kQuickDeaths = 5;

enum class Keeper { kStopped, kStarting, kRunning, kRestarting, kFailed };
constexpr const char* kKeeperNames[] = {"stopped", "starting", "running", "restarting", "failed"};

struct Guard {
  std::mutex mutex;  // guards all fields below it
  bool started = false;
  std::string program;
  int registry_fd = -1;
  Registry* registry = nullptr;
  std::vector<RegistrySlot*> returned;
  KeeperProcess keeper;
  Keeper state = Keeper::kStopped;
  uint32_t restarts = 0;
  int quick_deaths = 0;
  int64_t started_ms = 0;
  int error = 0;
};

// Never destroyed: a thread that outlives main uses it.
Guard& guard() {
  static Guard* const instance = new Guard();
  return *instance;
}

int64_t monotonic_ms() {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1000000;
}

// The mutex is held.
int start_keeper(Guard& self) {
  KeeperProcess started;
  int error = start_keeper_process(self.program, self.registry_fd, &started);
  if (error != 0) return error;
  if (self.keeper.line_fd >= 0) close(self.keeper.line_fd);
  self.keeper = started;
  self.state = Keeper::kStarting;
  self.started_ms = monotonic_ms();
  return 0;
}

// False: the line has ended, and the keeper with it. Its one byte says that it is ready.
bool read_line(Guard& self, int line_fd) {
  char byte;
  ssize_t got = recv(line_fd, &byte, 1, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (got <= 0) return false;
  std::lock_guard<std::mutex> lock(self.mutex);
  self.state = Keeper::kRunning;
  self.error = 0;
  return true;
}

// Returns when the keeper has died.
void watch_keeper(Guard& self, int line_fd) {
  if (watch_readable(keeper_events_fd(), line_fd) != 0) return;
  for (;;) {
    struct kevent events[8];
    int count = await_events(keeper_events_fd(), events, 8, -1);
    bool has_ended = false;
    for (int i = 0; i < count; i++) {
      if (reap_adopted_child(events[i])) continue;
      if (static_cast<int>(events[i].ident) == line_fd) has_ended |= !read_line(self, line_fd);
    }
    if (has_ended) return;
  }
}

void sleep_ms(int ms) {
  struct timespec pause = {ms / 1000, (ms % 1000) * 1000000L};
  nanosleep(&pause, nullptr);
}

void* keep_keeper(void*) {
  Guard& self = guard();
  for (;;) {
    KeeperProcess keeper;
    {
      std::lock_guard<std::mutex> lock(self.mutex);
      keeper = self.keeper;
    }
    if (keeper.pid > 0) {
      watch_keeper(self, keeper.line_fd);
      Ending ending;
      reap(keeper.pid, false, &ending);
    }
    int pause_ms;
    {
      std::lock_guard<std::mutex> lock(self.mutex);
      bool quick = monotonic_ms() - self.started_ms < kHealthyMs;
      self.quick_deaths = quick ? self.quick_deaths + 1 : 0;
      self.state = self.quick_deaths >= kQuickDeaths ? Keeper::kFailed : Keeper::kRestarting;
      self.keeper.pid = 0;
      // The first restart comes at once.
      pause_ms = self.quick_deaths <= 1 ? 0 : 1 << std::min(self.quick_deaths, 16);
    }
    sleep_ms(std::min(pause_ms, kLongestPauseMs));
    std::lock_guard<std::mutex> lock(self.mutex);
    self.restarts++;
    int error = start_keeper(self);
    if (error != 0) {
      self.error = -error;
      self.started_ms = monotonic_ms();
    }
  }
  return nullptr;
}

// 0 or -errno. The thread takes none of the process's signals.
int start_thread() {
  pthread_attr_t attributes;
  int error = pthread_attr_init(&attributes);
  if (error != 0) return -error;
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, 256 * 1024);
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  error = pthread_create(&thread, &attributes, keep_keeper, nullptr);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  return -error;
}

}  // namespace

bool start_guard(const std::string& keeper_program) {
  Guard& self = guard();
  std::lock_guard<std::mutex> lock(self.mutex);
  if (self.started) return true;
  self.started = true;
  self.program = keeper_program;
  if (disabled("keeper")) return true;
  int error = keeper_events_fd() < 0 ? keeper_events_fd() : make_registry(&self.registry_fd, &self.registry);
  if (error != 0) {
    self.started = false;
    self.state = Keeper::kFailed;
    self.error = -error;
    return false;
  }
  error = start_keeper(self);
  // One that can't be started now is tried again by the thread.
  int thread = start_thread();
  if (error == 0) error = thread;
  if (error != 0) {
    self.error = -error;
    self.started_ms = monotonic_ms();
    if (self.state == Keeper::kStopped) self.state = Keeper::kFailed;
  }
  return true;
}

GuardStatus guard_status() {
  Guard& self = guard();
  std::lock_guard<std::mutex> lock(self.mutex);
  return {kKeeperNames[static_cast<int>(self.state)], self.keeper.pid, self.restarts, self.error};
}

RegistrySlot* take_slot(uint32_t grace_ms) {
  Guard& self = guard();
  std::lock_guard<std::mutex> lock(self.mutex);
  RegistrySlot* slot = nullptr;
  if (!self.returned.empty()) {
    slot = self.returned.back();
    self.returned.pop_back();
  } else if (self.registry != nullptr && self.registry->used < kRegistrySlots) {
    slot = &self.registry->slots[self.registry->used++];
  }
  if (slot != nullptr) slot->grace_ms = grace_ms;
  return slot;
}

void return_slot(RegistrySlot* slot) {
  if (slot == nullptr) return;
  slot->pid.store(0, std::memory_order_release);
  Guard& self = guard();
  std::lock_guard<std::mutex> lock(self.mutex);
  self.returned.push_back(slot);
}

}  // namespace procguard
