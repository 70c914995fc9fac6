// Children of JavaScript threads that have ended. The keeper's thread reaps them, so that they leave no
// zombies.
#pragma once

#include <sys/types.h>

struct kevent;

namespace procguard {

struct RegistrySlot;

// The kqueue of the keeper's thread, on which their ends come in; below 0: there is none.
int keeper_events_fd();

// Takes the slot over.
void adopt_child(pid_t pid, RegistrySlot* slot);
// What an event of that kqueue is about: true when it was one of them.
bool reap_adopted_child(const struct kevent& event);

}  // namespace procguard
