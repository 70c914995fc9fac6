// What one host has one of: its registry and its keeper.
#pragma once

#include <cstdint>
#include <string>

#include "../keeper/registry.h"

namespace procguard {

struct GuardStatus {
  const char* keeper;  // "stopped", "starting", "running", "restarting", "failed"
  int32_t keeper_pid;
  uint32_t keeper_restarts;
  int keeper_error;  // the errno of the last failure; 0: none
  int list_error;    // why the keeper can't find what isn't registered, as a negative errno; 0: it can
};

// Makes the registry and starts the keeper. The first call does it; later ones return at once. False: there
// is no memory, descriptor or thread for it; a later call tries again.
bool start_guard(const std::string& keeper_program);
GuardStatus guard_status();

// A free slot for a child that is about to be started; nullptr when there is no registry or it is full.
RegistrySlot* take_slot(uint32_t grace_ms);
void return_slot(RegistrySlot* slot);

}  // namespace procguard
