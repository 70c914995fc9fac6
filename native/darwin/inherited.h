// The descriptors of this process, and which of them its parent gave to it.
#pragma once

#include <stddef.h>

#include <vector>

namespace procguard {

// The descriptors above stderr that Node has not made for itself. To be asked before anything else is opened.
std::vector<int> inherited_descriptors();

// How many are open in this process, or some more.
size_t count_descriptors();

}  // namespace procguard
