// One child: everything that happens between clone and exec.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "../keeper/registry.h"

namespace procguard {

// What to start. Built by the caller before clone, because the child may not allocate.
struct LaunchPlan {
  std::string file;
  std::vector<char*> argv;  // ends with nullptr
  std::vector<char*> envp;  // ends with nullptr
  const char* cwd = nullptr;
  // fds[i] is the host's descriptor that becomes i; -1 is /dev/null for 0 to 2 and nothing above.
  std::vector<int> fds;
  bool new_session = false;
  bool new_group = false;
  bool set_uid = false, set_gid = false;
  uid_t uid = 0;
  gid_t gid = 0;
  bool immune = false;           // SIGHUP, SIGINT and SIGTERM are ignored from birth on
  int death_signal = 0;          // sent to the child when the host dies; 0: none
  RegistrySlot* slot = nullptr;  // where the child announces itself to the keeper
  int cgroup_fd = -1;
};

struct Launched {
  pid_t pid = 0;
  int pidfd = -1;
  bool in_cgroup = false;
  int cgroup_error = 0;  // why it was not born in the cgroup, as a negative errno
  int link_error = 0;    // why the kernel won't send it the death signal, as a negative errno
};

// 0 or -errno. Returns when the child runs its program or has failed to; a failed child is reaped. PDEATHSIG
// follows the calling *thread*: only the process's first thread and the spawner may call this with one.
int launch(LaunchPlan& plan, Launched* result);

}  // namespace procguard
