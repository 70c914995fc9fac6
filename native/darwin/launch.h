// Starts one child.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace procguard {

struct RegistrySlot;

struct LaunchPlan {
  std::string file;
  std::vector<char*> argv;  // ends with nullptr
  std::vector<char*> envp;  // ends with nullptr
  const char* cwd = nullptr;
  // fds[i] is the host's descriptor that becomes i; -1 is /dev/null for 0 to 2 and nothing above.
  std::vector<int> fds;
  bool new_session = false;
  bool set_uid = false, set_gid = false;
  uid_t uid = 0;
  gid_t gid = 0;
  bool immune = false;           // SIGHUP, SIGINT, SIGTERM and their like are blocked from birth on
  RegistrySlot* slot = nullptr;  // where the keeper finds the child
};

// 0 or -errno. Returns when the child runs its program or has failed to; a failed child is reaped.
// *registry_error: 0, or why the keeper couldn't be told of it, as a negative errno.
int launch(LaunchPlan& plan, pid_t* pid, int* registry_error);

}  // namespace procguard
