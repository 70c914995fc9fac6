// The command with all that it starts: how they are begun, kept, and ended.
#pragma once

#include <string>

#include "linux/cgroup.h"
#include "linux/keeper_process.h"
#include "linux/kernel.h"

namespace procguard {

struct Tree {
  std::string keeper_program;
  uint32_t grace_ms = 0;
  HostCgroup cgroup;
  int registry_fd = -1;
  Registry* registry = nullptr;
  KeeperProcess keeper;
  int64_t keeper_started_ms = 0;
  int quick_deaths = 0;
  bool ending = false;
  bool kept = false;      // a keeper runs
  bool verified = false;  // a keeper has found that nothing is left
  Launched command;
};

// Makes this process a host: its keeper, its cgroup, and the care for orphans of the tree.
int become_host(Tree* tree);
// Starts the command. 0, or -errno as execvp has it.
int start_command(Tree* tree, char** argv, bool own_group);
void signal_command(const Tree& tree, int signal);
// With nothing left of the tree: ends the keeper and removes the cgroup at once. False: something is left.
bool leave_empty_tree(Tree* tree);
// Has the keeper end everything: with a SIGTERM and the grace first, where there is one.
void end_tree(Tree* tree);
// To be called when the keeper has been reaped. False: there is none any more.
bool keeper_ended(Tree* tree, const Ending& ending);

}  // namespace procguard
