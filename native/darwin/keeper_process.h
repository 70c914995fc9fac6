// One keeper's start.
#pragma once

#include <string>

#include "../keeper/registry.h"

namespace procguard {

// Makes the memory that a host shares with its keepers. 0 or -errno.
int make_registry(int* fd, Registry** registry);

struct KeeperProcess {
  int line_fd = -1;  // the host's end; when it closes, the keeper ends the host's trees
  pid_t pid = 0;
};

// Starts a keeper for this process. 0 or -errno.
int start_keeper_process(const std::string& program, int registry_fd, KeeperProcess* started);

}  // namespace procguard
