// A process that is still ending when its end is told, as on macOS.
#include <stdlib.h>
#include <sys/wait.h>

#include <map>
#include <mutex>

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

}  // namespace

pid_t shim_waitpid(pid_t pid, int* status, int options) {
  if ((options & WNOHANG) != 0 && refuse(pid)) return 0;
  return waitpid(pid, status, options);
}
