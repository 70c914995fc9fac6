// Which slots of a host's registry are free. Whoever owns it keeps other threads out.
#pragma once

#include <vector>

#include "keeper/registry.h"

namespace procguard {

class SlotPool {
 public:
  void use(Registry* registry) { registry_ = registry; }
  // nullptr: there is no registry, or it is full.
  RegistrySlot* take(uint32_t grace_ms);
  void give_back(RegistrySlot* slot);

 private:
  Registry* registry_ = nullptr;
  std::vector<RegistrySlot*> returned_;
};

}  // namespace procguard
