// The memory that a host shares with its keeper: one slot per living direct child.
//
// A child writes its own pid into its slot before it execs, so no child exists that the keeper can't find.
// The host clears the slot when it has reaped the child. The keeper reads it once, after the host's death; a
// new keeper gets the same memory, so nothing has to be registered again, and no message can be lost or
// delayed.
#pragma once

#include <stdint.h>

#include <atomic>

namespace procguard {

struct RegistrySlot {
  std::atomic<int32_t> pid;  // 0: free or reserved
  uint32_t grace_ms;         // SIGTERM and this much time before SIGKILL
  // CLOCK_BOOTTIME when the child announced itself. A process with this pid that started later is a stranger
  // that got a used pid. On macOS, when it was started: any other time is a stranger's.
  uint64_t announced_ns;
};

// 512 KiB of sparse memory; pages are used lowest first.
constexpr uint32_t kRegistrySlots = 32767;
struct Registry {
  std::atomic<uint32_t> used;  // slots from here on have never held a child
  uint32_t reserved[3];
  RegistrySlot slots[kRegistrySlots];
};
static_assert(std::atomic<int32_t>::is_always_lock_free && std::atomic<uint32_t>::is_always_lock_free,
              "slots are read by another process");
static_assert(sizeof(RegistrySlot) == 16 && sizeof(Registry) == 512 * 1024, "one layout on both sides");

// The descriptors that a keeper is started with.
constexpr int kKeeperLineFd = 3;  // EOF here is the host's death
constexpr int kKeeperRegistryFd = 4;
constexpr int kKeeperCgroupFd = 5;  // the host's cgroup directory, when it has one

}  // namespace procguard
