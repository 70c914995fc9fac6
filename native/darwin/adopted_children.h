// Children of JavaScript threads that have ended. The keeper's thread reaps them, so that they leave no
// zombies.
#pragma once

#include <stdint.h>
#include <sys/types.h>

struct kevent;

namespace procguard {

struct RegistrySlot;

// The kqueue of the keeper's thread, on which their ends come in; -errno: none could be made, and a later
// call tries again.
int keeper_events_fd();

// Takes the slot over.
void adopt_child(pid_t pid, RegistrySlot* slot);
// What an event of that kqueue is about: true when it was one of them.
bool reap_adopted_child(const struct kevent& event);
// Looks again at those of which the end was told before there was something to reap. In how many milliseconds
// the next look is due; below 0: none is.
int64_t reap_ending_children();

}  // namespace procguard
