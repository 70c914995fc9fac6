#include "program_search.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

namespace procguard {

namespace {

// What execvp takes where there is no PATH.
constexpr const char* kDefaultPath = "/usr/bin:/bin";

const char* search_path_of(const std::vector<char*>& envp) {
  for (const char* entry : envp) {
    if (entry != nullptr && strncmp(entry, "PATH=", 5) == 0) return entry + 5;
  }
  return kDefaultPath;
}

}  // namespace

int find_candidates(const LaunchPlan& plan, std::vector<std::string>* candidates) {
  if (plan.file.find('/') != std::string::npos || plan.file.empty()) {
    candidates->push_back(plan.file);
    return 0;
  }
  if (plan.file.size() > NAME_MAX) return ENAMETOOLONG;
  for (const char* path = search_path_of(plan.envp);;) {
    const char* end = strchr(path, ':');
    if (end == nullptr) end = path + strlen(path);
    std::string folder(path, end);
    // An empty element means the current folder.
    if (folder.size() < PATH_MAX)
      candidates->push_back(folder.empty() ? plan.file : folder + '/' + plan.file);
    if (*end == '\0') return 0;
    path = end + 1;
  }
}

bool SearchResult::goes_on_after(int error) {
  denied_ = denied_ || error == EACCES;
  bool is_absent = error == EACCES || error == ENOENT || error == ENOTDIR;
  error_ = is_absent && denied_ ? EACCES : error;
  return is_absent;
}

}  // namespace procguard
