// Starts one child as another user or group.
#pragma once

#include <string>
#include <vector>

#include "launch.h"

namespace procguard {

// 0 or an errno. By fork and exec: posix_spawn has no public way to change user and group, and libuv forks
// for that, too.
int launch_as(const LaunchPlan& plan, const std::vector<std::string>& candidates, pid_t* pid);

}  // namespace procguard
