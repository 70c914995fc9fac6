#include "guard_state.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <vector>

#include "adopted_children.h"
#include "cgroup.h"
#include "identity.h"
#include "keeper_process.h"
#include "kernel.h"
#include "launch.h"
#include "procfs.h"
#include "spawner.h"

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
  HostCgroup cgroup;
  int registry_fd = -1;
  Registry* registry = nullptr;
  std::vector<RegistrySlot*> returned;
  int line_fd = -1;  // our end; its closing is our death
  Launched keeper;
  Keeper state = Keeper::kStopped;
  uint32_t restarts = 0;
  int quick_deaths = 0;
  int64_t started_ms = 0;
  int error = 0;
};

// Never destroyed: threads that outlive main use it.
Guard& guard() {
  static Guard* const instance = new Guard();
  return *instance;
}

int64_t monotonic_ms() {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1000000;
}

// 0: a keeper could find what it has to kill. -EMFILE and its like pass; others hold for this process's life.
int check_proc() {
  int proc = open_proc();
  if (proc < 0) return proc;
  close(proc);
  // It was not there when this host took its name, which a sweep would now take for a dead one's.
  return host_start_ticks() == 0 ? -ENOSYS : 0;
}

// The mutex is held.
int start_keeper(Guard& self) {
  KeeperProcess started;
  int error = start_keeper_process(self.program, self.registry_fd, self.cgroup.fd(), &started);
  if (error != 0) return error;
  if (self.line_fd >= 0) close(self.line_fd);
  self.line_fd = started.line_fd;
  self.keeper = started.process;
  self.state = Keeper::kStarting;
  self.started_ms = monotonic_ms();
  return 0;
}

// Returns when the keeper has died: its line ends with it. Before that, its one byte says that it is ready.
void watch_keeper(Guard& self, int line_fd) {
  struct pollfd wait[2] = {{line_fd, POLLIN, 0}, {adopted_children_fd(), POLLIN, 0}};
  for (;;) {
    if (poll(wait, 2, -1) < 0) continue;
    if (wait[1].revents != 0) reap_adopted_children();
    if (wait[0].revents == 0) continue;
    char byte;
    ssize_t got = recv(line_fd, &byte, 1, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got <= 0) return;
    std::lock_guard<std::mutex> lock(self.mutex);
    self.state = Keeper::kRunning;
    self.error = 0;
  }
}

void* keep_keeper(void*) {
  Guard& self = guard();
  for (;;) {
    int line_fd;
    Launched keeper;
    {
      std::lock_guard<std::mutex> lock(self.mutex);
      line_fd = self.line_fd;
      keeper = self.keeper;
    }
    if (keeper.pid > 0) {
      watch_keeper(self, line_fd);
      Ending ending;
      reap(keeper.pid, keeper.pidfd, false, &ending);
      if (keeper.pidfd >= 0) close(keeper.pidfd);
    }
    int pause_ms;
    {
      std::lock_guard<std::mutex> lock(self.mutex);
      bool quick = monotonic_ms() - self.started_ms < kHealthyMs;
      self.quick_deaths = quick ? self.quick_deaths + 1 : 0;
      self.state = self.quick_deaths >= kQuickDeaths ? Keeper::kFailed : Keeper::kRestarting;
      self.keeper = Launched();
      // The first restart comes at once.
      pause_ms = self.quick_deaths <= 1 ? 0 : 1 << std::min(self.quick_deaths, 16);
    }
    poll(nullptr, 0, std::min(pause_ms, kLongestPauseMs));
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

}  // namespace

bool start_guard(const std::string& keeper_program) {
  Guard& self = guard();
  std::lock_guard<std::mutex> lock(self.mutex);
  if (self.started) return true;
  self.started = true;
  self.program = keeper_program;
  if (disabled("keeper")) return true;
  int error = check_proc();
  if (error == -ENOSYS || error == -EXDEV) {
    self.error = -error;
    return true;
  }
  if (error == 0) error = make_registry(&self.registry_fd, &self.registry);
  if (error != 0) {
    self.started = false;
    self.state = Keeper::kFailed;
    self.error = -error;
    return false;
  }
  // Only a host with a keeper makes one: nobody else would kill it or remove it.
  self.cgroup.open(getpid(), host_start_ticks());
  error = start_keeper(self);
  // One that can't be started now is tried again by the thread.
  int thread = start_detached_thread(keep_keeper);
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
  const CgroupFailure& failure = self.cgroup.failure();
  const char* reason = failure.reason;
  if (reason == nullptr && self.cgroup.path().empty()) reason = disabled("cgroup") ? "disabled" : "no-keeper";
  return {kKeeperNames[static_cast<int>(self.state)],
          self.keeper.pid,
          self.restarts,
          self.error,
          self.cgroup.path(),
          reason,
          failure.error};
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

int cgroup_leaf(uint32_t grace_ms) {
  Guard& self = guard();
  std::lock_guard<std::mutex> lock(self.mutex);
  return self.cgroup.leaf(grace_ms);
}

}  // namespace procguard
