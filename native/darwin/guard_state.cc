#include "guard_state.h"

#include <errno.h>
#include <sys/event.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>

#include "adopted_children.h"
#include "disabled.h"
#include "keeper_process.h"
#include "posix/detached_thread.h"
#include "posix/keeper_record.h"
#include "posix/slot_pool.h"
#include "process_events.h"
#include "processes.h"
#include "reap.h"

namespace procguard {

namespace {

struct Guard {
  std::mutex mutex;  // guards all fields below it
  bool started = false;
  std::string program;
  int registry_fd = -1;
  SlotPool slots;
  KeeperProcess keeper;
  KeeperRecord record;
};

// Never destroyed: a thread that outlives main uses it.
Guard& guard() {
  static Guard* const instance = new Guard();
  return *instance;
}

// The mutex is held.
int start_keeper(Guard& self) {
  KeeperProcess started;
  int error = start_keeper_process(self.program, self.registry_fd, &started);
  if (error != 0) return error;
  if (self.keeper.line_fd >= 0) close(self.keeper.line_fd);
  self.keeper = started;
  self.record.started();
  return 0;
}

// False: the line has ended, and the keeper with it. Its one byte says that it is ready. `flags`: of recv.
bool read_line(Guard& self, int line_fd, int flags) {
  char byte;
  ssize_t got = recv(line_fd, &byte, 1, flags);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (got <= 0) return false;
  std::lock_guard<std::mutex> lock(self.mutex);
  self.record.ready();
  return true;
}

// False: the kernel doesn't tell of events. True: the keeper has died.
bool watch_keeper(Guard& self, int line_fd) {
  if (watch_readable(keeper_events_fd(), line_fd) != 0) return false;
  for (;;) {
    struct kevent events[8];
    int count = await_events(keeper_events_fd(), events, 8, reap_ending_children());
    if (count < 0 && count != -EINTR) return false;
    bool has_ended = false;
    for (int i = 0; i < count; i++) {
      if (reap_adopted_child(events[i])) continue;
      if (static_cast<int>(events[i].ident) == line_fd) has_ended |= !read_line(self, line_fd, MSG_DONTWAIT);
    }
    if (has_ended) return true;
  }
}

// Returns when the keeper has died. Without events, adopted children stay zombies until the host ends.
void outlive_keeper(Guard& self, int line_fd) {
  if (watch_keeper(self, line_fd)) return;
  while (read_line(self, line_fd, 0)) continue;
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
      outlive_keeper(self, keeper.line_fd);
      Ending ending;
      reap(keeper.pid, false, &ending);
    }
    int pause_ms;
    {
      std::lock_guard<std::mutex> lock(self.mutex);
      self.keeper.pid = 0;
      pause_ms = self.record.died();
    }
    sleep_ms(pause_ms);
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
  int error = std::min(keeper_events_fd(), 0);
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
  int error = prepare(self);
  if (error != 0) {
    self.started = false;
    self.record.refused(error);
    return false;
  }
  error = start_keeper(self);
  // One that can't be started now is tried again by the thread.
  if (error != 0) self.record.refused(error);
  return true;
}

GuardStatus guard_status() {
  Guard& self = guard();
  std::lock_guard<std::mutex> lock(self.mutex);
  // What this process may do its keeper may, too.
  return {self.record.state(), self.keeper.pid, self.record.restarts(), self.record.error(), try_list()};
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

}  // namespace procguard
