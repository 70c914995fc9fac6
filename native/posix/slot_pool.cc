#include "posix/slot_pool.h"

namespace procguard {

RegistrySlot* SlotPool::take(uint32_t grace_ms) {
  RegistrySlot* slot = nullptr;
  if (!returned_.empty()) {
    slot = returned_.back();
    returned_.pop_back();
  } else if (registry_ != nullptr && registry_->used < kRegistrySlots) {
    slot = &registry_->slots[registry_->used++];
  }
  if (slot != nullptr) slot->grace_ms = grace_ms;
  return slot;
}

void SlotPool::give_back(RegistrySlot* slot) {
  slot->pid.store(0, std::memory_order_release);
  returned_.push_back(slot);
}

}  // namespace procguard
