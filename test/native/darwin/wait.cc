// A process that is still ending when its end is told, as on macOS.
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>
#include <mutex>

#include "proc.h"

#undef waitpid

namespace {

std::mutex mutex;
std::map<pid_t, int>& refusals = *new std::map<pid_t, int>();

// How often there is nothing to reap yet: PROCGUARD_SHIM_EARLY_ENDS.
bool refuse(pid_t pid) {
  const char* times = getenv("PROCGUARD_SHIM_EARLY_ENDS");
  if (times == nullptr) return false;
  std::lock_guard<std::mutex> lock(mutex);
  return refusals[pid]++ < atoi(times);
}

bool is_stuck(pid_t pid) {
  const char* name = getenv("PROCGUARD_SHIM_STUCK");
  shim::Stat stat;
  return name != nullptr && shim::read_stat(pid, &stat) && stat.name == name;
}

}  // namespace

pid_t shim_waitpid(pid_t pid, int* status, int options) {
  while (is_stuck(pid)) {
    if ((options & WNOHANG) != 0) return 0;
    usleep(10'000);
  }
  if ((options & WNOHANG) != 0 && refuse(pid)) return 0;
  return waitpid(pid, status, options);
}
