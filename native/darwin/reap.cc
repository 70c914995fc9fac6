#include "reap.h"

#include <errno.h>
#include <sys/wait.h>

namespace procguard {

int reap(pid_t pid, bool no_hang, Ending* ending) {
  int status = 0;
  pid_t result;
  do result = waitpid(pid, &status, no_hang ? WNOHANG : 0);
  while (result < 0 && errno == EINTR);
  if (result < 0) return -errno;
  if (result == 0) return 0;
  ending->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  ending->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  return 1;
}

}  // namespace procguard
