#include "cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vector>

#include "kernel.h"

namespace procguard {

namespace {

// Each distinct grace costs a directory and a descriptor; a program has a handful.
constexpr size_t kMaxLeaves = 16;

std::string leaf_name(uint32_t grace_ms) {
  return grace_ms == 0 ? "now" : "grace-" + std::to_string(grace_ms);
}

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

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> fields;
  for (size_t at = 0; at < line.size();) {
    size_t end = line.find(' ', at);
    if (end == std::string::npos) end = line.size();
    fields.push_back(line.substr(at, end - at));
    at = end + 1;
  }
  return fields;
}

// Calls visit(line) for each line of the file until it returns false. No streams: procguard-run has to be
// small.
template <typename Visit>
void for_each_line(const char* path, Visit visit) {
  FILE* file = fopen(path, "re");
  if (file == nullptr) return;
  char* text = nullptr;
  size_t size = 0;
  for (ssize_t length; (length = getline(&text, &size, file)) > 0;) {
    std::string line(text, static_cast<size_t>(length));
    if (line.back() == '\n') line.pop_back();
    if (!visit(line)) break;
  }
  free(text);
  fclose(file);
}

}  // namespace

std::string own_cgroup_directory() {
  std::string inside;
  for_each_line("/proc/self/cgroup", [&](const std::string& line) {
    if (line.compare(0, 3, "0::") == 0) inside = line.substr(3);
    return true;
  });
  std::string directory;
  if (inside.empty()) return directory;
  for_each_line("/proc/self/mountinfo", [&](const std::string& line) {
    // id parent major:minor root mount-point options [tags] - type source options
    std::vector<std::string> fields = split(line);
    size_t dash = 6;
    while (dash < fields.size() && fields[dash] != "-") dash++;
    if (dash + 1 >= fields.size() || fields[dash + 1] != "cgroup2") return true;
    std::string root = unescape(fields[3]);
    if (root == "/") root.clear();
    // A mount that shows only a part of the hierarchy is of use when our part is in it.
    if (inside.compare(0, root.size(), root) != 0) return true;
    if (inside.size() > root.size() && inside[root.size()] != '/') return true;
    std::string below = inside.substr(root.size());
    directory = unescape(fields[4]) + (below == "/" ? "" : below);
    return false;
  });
  return directory;
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
  for (const auto& known : leaves_) {
    if (known.first == grace_ms) return known.second;
  }
  if (leaves_.size() >= kMaxLeaves) return -ENOSPC;
  std::string name = leaf_name(grace_ms);
  if (mkdirat(fd_, name.c_str(), 0755) != 0 && errno != EEXIST) return -errno;
  int fd = openat(fd_, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return -errno;
  leaves_.emplace_back(grace_ms, fd);
  return fd;
}

bool HostCgroup::remove() {
  if (path_.empty()) return true;
  for (const auto& leaf : leaves_) {
    unlinkat(fd_, leaf_name(leaf.first).c_str(), AT_REMOVEDIR);
  }
  return rmdir(path_.c_str()) == 0;
}

}  // namespace procguard
