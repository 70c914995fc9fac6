// What a slot of the registry says besides on macOS.
#pragma once

#include <stdint.h>

namespace procguard {

// In grace_ms: the child dies with its host, and what it has started does not.
constexpr uint32_t kAlone = 1u << 31;

}  // namespace procguard
