// What whole trees use, from one look at the process table.
#pragma once

#include <vector>

#include "sample.h"

namespace procguard {

// Fills in `tree` of each sample. A tree is what killTree takes for it: descendants, the sessions that
// members lead, and what carries the mark of the tree. 0 or -errno.
int add_up_trees(const std::vector<SampledProcess>& roots, std::vector<Sample>* samples);

}  // namespace procguard
