// Children of JavaScript threads that have ended. The keeper's thread reaps them, so that they leave no
// zombies.
#pragma once

#include <sys/types.h>

namespace procguard {

struct RegistrySlot;

// Takes the pidfd and the slot over.
void adopt_child(pid_t pid, int pidfd, RegistrySlot* slot);

// Readable when one of them has ended; -errno: none could be made, and a later call tries again.
int adopted_children_fd();
void reap_adopted_children();

}  // namespace procguard
