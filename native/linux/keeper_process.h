// One keeper's start, for whoever is its host.
#pragma once

#include <string>

#include "../keeper/registry.h"
#include "launch.h"

namespace procguard {

// Makes the memory that a host shares with its keepers. 0 or -errno.
int make_registry(int* fd, Registry** registry);

struct KeeperProcess {
  int line_fd = -1;  // the host's end; when it closes, or is shut down, the keeper ends the host's trees
  Launched process;
};

// Starts a keeper for this process. cgroup_fd below 0: none. 0 or -errno.
int start_keeper_process(const std::string& program, int registry_fd, int cgroup_fd, KeeperProcess* started);

}  // namespace procguard
