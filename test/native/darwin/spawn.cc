// posix_spawn as macOS has it, by fork and exec.
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr int kHigh = 40;  // above what tests place
constexpr unsigned kCloseOnExec = 4;

int act(const shim_spawn_action& action) {
  int result = 0;
  switch (action.kind) {
    case shim_spawn_action::kChdir:
      result = chdir(action.path.c_str());
      break;
    case shim_spawn_action::kOpen: {
      close(action.fd);
      int opened = open(action.path.c_str(), action.flags);
      result = opened == action.fd || opened < 0 ? opened : dup2(opened, action.fd);
      if (opened >= 0 && opened != action.fd) close(opened);
      break;
    }
    case shim_spawn_action::kDup:
      result = dup2(action.source, action.fd);
      break;
    case shim_spawn_action::kInherit:
      result = fcntl(action.fd, F_GETFD);
      break;
    case shim_spawn_action::kClose:
      result = close(action.fd);
      break;
  }
  return result < 0 ? errno : 0;
}

void keep_named(const shim_spawn_actions& actions) {
  syscall(SYS_close_range, 0u, ~0u, kCloseOnExec);
  for (const shim_spawn_action& action : actions) {
    bool is_named = action.kind != shim_spawn_action::kChdir && action.kind != shim_spawn_action::kClose;
    if (is_named) fcntl(action.fd, F_SETFD, 0);
  }
}

int run(const char* path, const shim_spawn_actions& actions, const shim_spawn_attributes& attributes,
        char* const* argv, char* const* envp) {
  for (int signal = 1; signal < 32; signal++) ::signal(signal, SIG_DFL);
  if (attributes.flags & POSIX_SPAWN_SETSID) setsid();
  for (const shim_spawn_action& action : actions) {
    int error = act(action);
    if (error != 0) return error;
  }
  if (attributes.flags & POSIX_SPAWN_CLOEXEC_DEFAULT) keep_named(actions);
  sigprocmask(SIG_SETMASK, &attributes.mask, nullptr);
  execve(path, argv, envp);
  return errno;
}

}  // namespace

int shim_spawn(pid_t* pid, const char* path, const shim_spawn_actions* actions,
               const shim_spawn_attributes* attributes, char* const* argv, char* const* envp) {
  int line[2];
  if (pipe2(line, O_CLOEXEC) != 0) return errno;
  int high = fcntl(line[1], F_DUPFD_CLOEXEC, kHigh);
  close(line[1]);
  if (high < 0) {
    int error = errno;
    close(line[0]);
    return error;
  }
  sigset_t all, before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  pid_t made = fork();
  if (made == 0) {
    int error = run(path, *actions, *attributes, argv, envp);
    (void)!write(high, &error, sizeof(error));
    _exit(127);
  }
  int error = made < 0 ? errno : 0;
  sigprocmask(SIG_SETMASK, &before, nullptr);
  close(high);
  if (made > 0 && read(line[0], &error, sizeof(error)) == sizeof(error)) waitpid(made, nullptr, 0);
  close(line[0]);
  if (error == 0) *pid = made;
  return error;
}
