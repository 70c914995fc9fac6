// Where a program is looked for, as libuv does it on macOS.
#pragma once

#include <string>
#include <vector>

#include "launch.h"

namespace procguard {

// The paths to try in turn; the search path is the child's. 0 or an errno.
int find_candidates(const LaunchPlan& plan, std::vector<std::string>* candidates);

// What comes of trying them.
class SearchResult {
 public:
  // Takes the result of one attempt, 0 or an errno. False: it decides.
  bool goes_on_after(int error);
  int error() const { return error_; }

 private:
  int error_ = 0;
  bool denied_ = false;
};

}  // namespace procguard
