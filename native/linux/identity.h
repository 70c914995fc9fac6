// Who this host is, in every mark that it gives.
#pragma once

#include <cstdint>
#include <string>

namespace procguard {

// "<pid>:<start ticks>:<boot id>:<random>"
const std::string& host_identity();
uint64_t host_start_ticks();

// What tells the trees of one host apart.
uint64_t next_child_number();

}  // namespace procguard
