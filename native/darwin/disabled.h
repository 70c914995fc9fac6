// What tests take away.
#pragma once

namespace procguard {

// True when PROCGUARD_DISABLE, a comma-separated list, names `mechanism`.
bool disabled(const char* mechanism);

}  // namespace procguard
