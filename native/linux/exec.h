// Replaces this process by another program, as if Node had never been in between.
#pragma once

#include <string>
#include <vector>

namespace procguard {

// Runs `program` in this process: same pid, parent, group, terminal, stdio and working directory. The last
// `own_args` of `args` are the last of this process's own. Its environment is the one that this process was
// started with. Returns -errno only if that failed; signals and descriptors are changed then.
int replace_process(const std::string& program, const std::vector<std::string>& args, size_t own_args);

}  // namespace procguard
