#include "adopted_children.h"

#include <sys/event.h>

#include "guard_state.h"
#include "process_events.h"
#include "reap.h"

namespace procguard {

namespace {

struct Adopted {
  pid_t pid;
  RegistrySlot* slot;
};

}  // namespace

int keeper_events_fd() {
  static const int fd = open_events();
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
  Adopted* child = static_cast<Adopted*>(event.udata);
  Ending ending;
  // The event comes a moment before there is something to reap.
  reap(child->pid, false, &ending);
  return_slot(child->slot);
  delete child;
  return true;
}

}  // namespace procguard
