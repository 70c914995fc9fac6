// What one host has one of: its registry, its cgroup, its keeper.
#pragma once

#include <cstdint>
#include <string>

#include "../keeper/registry.h"

namespace procguard {

struct GuardStatus {
  const char* keeper;  // "stopped", "starting", "running", "restarting", "failed"
  int32_t keeper_pid;
  uint32_t keeper_restarts;
  // The errno of the last failure; 0: none. ENOSYS or EXDEV of a stopped one: see open_proc().
  int keeper_error;
  std::string cgroup;
  const char* cgroup_reason;  // why there is no cgroup; nullptr: there is one
  int cgroup_error;
};

// Makes registry and cgroup and starts the keeper. The first call does it; later ones return at once. False:
// there is no memory, descriptor or thread for it; a later call tries again.
bool start_guard(const std::string& keeper_program);
GuardStatus guard_status();

// A free slot for a child that is about to be started; nullptr when there is no registry or it is full.
RegistrySlot* take_slot(uint32_t grace_ms);
void return_slot(RegistrySlot* slot);

// The cgroup to be born in; below 0: none.
int cgroup_leaf(uint32_t grace_ms);

// Reaps a child whose JavaScript thread has ended, so that it leaves no zombie. Takes the pidfd and the slot
// over.
void adopt_child(pid_t pid, int pidfd, RegistrySlot* slot);

uint64_t next_child_number();

}  // namespace procguard
