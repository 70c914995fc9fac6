#include "guard_state.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>

#include "adopted_children.h"
#include "cgroup.h"
#include "identity.h"
#include "keeper_process.h"
#include "kernel.h"
#include "launch.h"
#include "posix/detached_thread.h"
#include "posix/keeper_record.h"
#include "posix/slot_pool.h"
#include "procfs.h"

namespace procguard {

namespace {

struct Guard {
  std::mutex mutex;  // guards all fields below it
  bool started = false;
  std::string program;
  HostCgroup cgroup;
  int registry_fd = -1;
  SlotPool slots;
  int line_fd = -1;  // our end; its closing is our death
  Launched keeper;
  KeeperRecord record;
};

// Never destroyed: threads that outlive main use it.
Guard& guard() {
  static Guard* const instance = new Guard();
  return *instance;
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
  self.record.started();
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
    self.record.ready();
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
      self.keeper = Launched();
      pause_ms = self.record.died();
    }
    poll(nullptr, 0, pause_ms);
    std::lock_guard<std::mutex> lock(self.mutex);
    self.record.restarting();
    int error = start_keeper(self);
    if (error != 0) self.record.refused(error);
  }
  return nullptr;
}

// What has to be there before a keeper is started; what an earlier call has made is kept. 0 or -errno. The
// mutex is held, and the thread, which comes last since it has no end, waits for that.
int prepare(Guard& self) {
  int error = std::min(adopted_children_fd(), 0);
  if (error == 0 && self.registry_fd < 0) {
    Registry* registry;
    error = make_registry(&self.registry_fd, &registry);
    if (error == 0) self.slots.use(registry);
  }
  return error == 0 ? start_detached_thread(keep_keeper) : error;
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
    self.record.stopped(error);
    return true;
  }
  if (error == 0) error = prepare(self);
  if (error != 0) {
    self.started = false;
    self.record.refused(error);
    return false;
  }
  // Only a host with a keeper makes one: nobody else would kill it or remove it.
  self.cgroup.open(getpid(), host_start_ticks());
  error = start_keeper(self);
  // One that can't be started now is tried again by the thread.
  if (error != 0) self.record.refused(error);
  return true;
}

GuardStatus guard_status() {
  Guard& self = guard();
  std::lock_guard<std::mutex> lock(self.mutex);
  const CgroupFailure& failure = self.cgroup.failure();
  const char* reason = failure.reason;
  if (reason == nullptr && self.cgroup.path().empty()) reason = disabled("cgroup") ? "disabled" : "no-keeper";
  return {self.record.state(), self.keeper.pid, self.record.restarts(), self.record.error(),
          self.cgroup.path(),  reason,          failure.error};
}

RegistrySlot* take_slot(uint32_t grace_ms) {
  Guard& self = guard();
  std::lock_guard<std::mutex> lock(self.mutex);
  return self.slots.take(grace_ms);
}

void return_slot(RegistrySlot* slot) {
  if (slot == nullptr) return;
  Guard& self = guard();
  std::lock_guard<std::mutex> lock(self.mutex);
  self.slots.give_back(slot);
}

int cgroup_leaf(uint32_t grace_ms) {
  Guard& self = guard();
  std::lock_guard<std::mutex> lock(self.mutex);
  return self.cgroup.leaf(grace_ms);
}

}  // namespace procguard
