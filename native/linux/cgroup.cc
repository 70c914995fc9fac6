#include "cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "kernel.h"

namespace procguard {

namespace {

// Each distinct grace costs a directory and a descriptor; a program has a handful.
constexpr size_t kMaxLeaves = 16;

// The mount table writes blanks and backslashes in octal.
std::string unescape(const std::string& text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      plain.push_back(static_cast<char>(strtol(text.substr(i + 1, 3).c_str(), nullptr, 8)));
      i += 3;
    } else {
      plain.push_back(text[i]);
    }
  }
  return plain;
}

}  // namespace

std::string own_cgroup_directory() {
  std::ifstream own("/proc/self/cgroup");
  std::string line, inside;
  while (std::getline(own, line)) {
    if (line.compare(0, 3, "0::") == 0) inside = line.substr(3);
  }
  if (inside.empty()) return "";
  std::ifstream mounts("/proc/self/mountinfo");
  while (std::getline(mounts, line)) {
    // id parent major:minor root mount-point options [tags] - type source options
    std::istringstream fields(line);
    std::string id, parent, device, root, point, field;
    fields >> id >> parent >> device >> root >> point;
    while (fields >> field && field != "-") continue;
    if (!(fields >> field) || field != "cgroup2") continue;
    root = unescape(root);
    if (root == "/") root.clear();
    // A mount that shows only a part of the hierarchy is of use when our part is in it.
    if (inside.compare(0, root.size(), root) != 0) continue;
    if (inside.size() > root.size() && inside[root.size()] != '/') continue;
    std::string below = inside.substr(root.size());
    return unescape(point) + (below == "/" ? "" : below);
  }
  return "";
}

void HostCgroup::open(int64_t pid, uint64_t start_ticks) {
  if (disabled("cgroup")) {
    failure_ = {"disabled", 0};
    return;
  }
  if (!features().clone3) {
    failure_ = {"no-clone3", ENOSYS};
    return;
  }
  std::string parent = own_cgroup_directory();
  if (parent.empty()) {
    failure_ = {"no-v2-mount", 0};
    return;
  }
  // Two hosts with one pid can share a cgroup, in pid namespaces of their own.
  struct stat pid_namespace;
  if (stat("/proc/self/ns/pid", &pid_namespace) != 0) {
    failure_ = {"denied", errno};
    return;
  }
  std::string path = parent + "/procguard-" + std::to_string(pid_namespace.st_ino) + "-" +
                     std::to_string(pid) + "-" + std::to_string(start_ticks);
  if (mkdir(path.c_str(), 0755) != 0) {
    failure_ = {"denied", errno};
    return;
  }
  fd_ = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd_ < 0) {
    failure_ = {"denied", errno};
  } else if (faccessat(fd_, "cgroup.kill", W_OK, 0) != 0) {
    failure_ = {"no-kill", errno};
  } else {
    int made = leaf(0);
    if (made < 0) failure_ = {"denied", -made};
  }
  if (failure_.reason != nullptr) {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
    rmdir(path.c_str());
    return;
  }
  path_ = path;
}

int HostCgroup::leaf(uint32_t grace_ms) {
  if (fd_ < 0) return -ENOENT;
  auto known = leaves_.find(grace_ms);
  if (known != leaves_.end()) return known->second;
  if (leaves_.size() >= kMaxLeaves) return -ENOSPC;
  std::string name = grace_ms == 0 ? "now" : "grace-" + std::to_string(grace_ms);
  if (mkdirat(fd_, name.c_str(), 0755) != 0 && errno != EEXIST) return -errno;
  int fd = openat(fd_, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return -errno;
  leaves_[grace_ms] = fd;
  return fd;
}

}  // namespace procguard
