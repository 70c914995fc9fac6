// What the parent gave to this process.
#pragma once

#include <vector>

namespace procguard {

// The descriptors above stderr that Node has not made for itself. To be asked before anything else is opened.
std::vector<int> inherited_descriptors();

}  // namespace procguard
