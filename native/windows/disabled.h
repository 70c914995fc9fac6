// What PROCGUARD_DISABLE takes away, for tests.
#pragma once

namespace procguard {

// The variable is a comma-separated list; `name` is one word of it.
bool is_disabled(const char* name);

}  // namespace procguard
