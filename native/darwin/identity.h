// Who this host is, in every mark that it gives.
#pragma once

#include <cstdint>
#include <string>

namespace procguard {

// "<pid>:<start ticks>:<boot id>:<random>"
const std::string& host_identity();

// What tells one boot of this machine from another; empty: it can't be told.
std::string boot_id();

// What tells the trees of one host apart.
uint64_t next_child_number();

}  // namespace procguard
