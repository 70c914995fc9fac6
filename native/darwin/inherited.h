// The descriptors of this process, and which of them its parent gave to it.
#pragma once

#include <vector>

namespace procguard {

// The descriptors above stderr that Node has not made for itself. To be asked before anything else is opened.
std::vector<int> inherited_descriptors();

// All that are open in this process.
std::vector<int> open_descriptors();

}  // namespace procguard
