// The host's own cgroup v2 directory for its guarded trees.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace procguard {

// Why there is none: a stable word for JavaScript, and the errno behind it (0: not a system call's failure).
struct CgroupFailure {
  const char* reason = nullptr;  // "disabled", "no-clone3", "no-v2-mount", "denied", "no-kill"
  int error = 0;
};

// `procguard-<pid namespace>-<pid>-<start ticks>` below the host's own cgroup. Leaves inside it: `now`, and
// `grace-<ms>` for trees that get a SIGTERM first. Each leaf can be killed as one.
class HostCgroup {
 public:
  // Makes the directory; afterwards path() is empty when that was refused.
  void open(int64_t pid, uint64_t start_ticks);
  // The descriptor of the leaf for this grace, made when first asked for; -errno when it can't be.
  int leaf(uint32_t grace_ms);
  // Removes it; false when something is in it.
  bool remove();
  int fd() const { return fd_; }
  const std::string& path() const { return path_; }
  const CgroupFailure& failure() const { return failure_; }

 private:
  std::string path_;
  int fd_ = -1;
  CgroupFailure failure_;
  std::vector<std::pair<uint32_t, int>> leaves_;  // grace and descriptor
};

// The directory of this process's own cgroup v2, found through /proc/self/cgroup and the mount table; empty:
// none.
std::string own_cgroup_directory();

}  // namespace procguard
