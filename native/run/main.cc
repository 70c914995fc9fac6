// procguard run: stands between a command and whoever started it, for as long as both live.
//
// procguard run --grace=<ms> -- command [argument...], in the place of the Node process that was asked to. It
// is a host with one child: when its parent dies, by any cause, so does the command with all that it has
// started; when the command ends, what it left behind is ended, and this process ends as the command did.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "linux/procfs.h"
#include "run/parent.h"
#include "run/signals.h"
#include "run/tree.h"

namespace procguard {
namespace {

// Those of sysexits.h, and those that shells give a command which can't be run.
constexpr int kUsage = 64, kSystemError = 71, kNotExecutable = 126, kNotFound = 127;

// Where a sandbox leaves no other way to notice the parent's death.
constexpr int kAskForParentMs = 200;

struct Run {
  Parent parent;
  Tree tree;
  int signals_fd;
  bool stopped;  // the command is
  bool over;     // the command has ended, as `ending` says
  Ending ending;
};

int fail(const char* what, int error) {
  fprintf(stderr, "procguard: %s: %s\n", what, strerror(-error));
  return kSystemError;
}

// With a terminal the command shares our group, so that keys and the shell's job control reach both. Without
// one it has its own: a signal to our group then comes to it once, through us.
bool has_terminal() {
  int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

std::string keeper_program() {
  char path[4096];
  ssize_t length = readlink("/proc/self/exe", path, sizeof(path));
  std::string own(path, length > 0 ? static_cast<size_t>(length) : 0);
  return own.substr(0, own.rfind('/') + 1) + "procguard-keeper";
}

int start(Run* run, char** argv) {
  run->parent = watch_parent();
  run->signals_fd = take_signals();
  if (run->signals_fd < 0) return fail("signalfd", run->signals_fd);
  run->tree.keeper_program = keeper_program();
  int error = become_host(&run->tree);
  if (error != 0) return fail(run->tree.keeper_program.c_str(), error);
  error = start_command(&run->tree, argv, !has_terminal());
  if (error == 0) return 0;
  fprintf(stderr, "procguard: %s: %s\n", argv[0], error == -ENOENT ? "not found" : strerror(-error));
  return error == -ENOENT ? kNotFound : error == -EAGAIN || error == -ENOMEM ? kSystemError : kNotExecutable;
}

bool close_inherited(void* own, const char* name) {
  int fd = static_cast<int>(strtol(name, nullptr, 10));
  // All of ours are close-on-exec, and nothing inherited is.
  if (fd > 2 && fd != *static_cast<int*>(own) && fcntl(fd, F_GETFD) == 0) close(fd);
  return true;
}

// Whoever reads the command's output must see its end when the command closes it, and not only when we end.
void let_go() {
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd : {0, 1, 2}) {
    if (fd == 2 && isatty(2)) continue;
    if (null >= 0) dup3(null, fd, 0);
  }
  if (null > 2) close(null);
  int fds = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fds >= 0) {
    for_each_entry(fds, close_inherited, &fds);
    close(fds);
  }
  if (chdir("/") != 0) return;
}

void say(const char* text) {
  if (isatty(2))
    fprintf(stderr, "procguard: %s\n", text);
  else
    syslog(LOG_ERR, "procguard run: %s", text);
}

void note_end(Run* run, pid_t pid, const Ending& ending) {
  if (pid == run->tree.command.pid) {
    run->tree.command.pid = 0;
    run->over = true;
    run->stopped = false;
    run->ending = ending;
  } else if (pid == run->tree.keeper.process.pid && !keeper_ended(&run->tree, ending) &&
             !run->tree.verified) {
    say(run->tree.ending ? "processes of the command may have survived; see the system log"
                         : "the keeper can't be kept running: only the command itself is guarded now");
  }
}

// Orphans of the tree come to us as their nearest subreaper.
void reap_children(Run* run) {
  for (;;) {
    siginfo_t info = {};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG) != 0 || info.si_pid == 0) break;
    bool exited = info.si_code == CLD_EXITED;
    note_end(run, info.si_pid, {exited ? info.si_status : 0, exited ? 0 : info.si_status});
  }
  siginfo_t info = {};
  pid_t command = run->tree.command.pid;
  while (command > 0 &&
         waitid(P_PID, static_cast<id_t>(command), &info, WSTOPPED | WCONTINUED | WNOHANG) == 0 &&
         info.si_pid != 0) {
    run->stopped = info.si_code == CLD_STOPPED;
    // The one who waits for us is shown what happened to the command.
    if (run->stopped && !is_dead(run->parent)) stop_like(info.si_status, run->parent);
    info = {};
  }
}

void take_signal(Run* run, const struct signalfd_siginfo& info) {
  int signal = static_cast<int>(info.ssi_signo);
  if (signal == SIGCHLD) return reap_children(run);
  // It may be the kernel's word that a thread of the parent has ended; to a command that runs it means
  // nothing.
  bool from_parent = static_cast<pid_t>(info.ssi_pid) == run->parent.pid;
  if (signal == SIGCONT && from_parent && !run->stopped) return;
  if (!came_by_itself(info)) signal_command(run->tree, signal);
}

// Waits for the next thing to happen, and answers it.
void attend(Run* run) {
  struct pollfd signs[2] = {{run->signals_fd, POLLIN, 0}, {-1, POLLIN, 0}};
  if (!run->tree.ending) signs[1].fd = run->parent.pidfd;
  if (poll(signs, 2, run->parent.is_quiet ? kAskForParentMs : -1) < 0) return;
  struct signalfd_siginfo info;
  while (next_signal(run->signals_fd, &info)) take_signal(run, info);
}

void outlive_parent_or_command(Run* run) {
  while (!run->over && !is_dead(run->parent)) attend(run);
}

void end_everything(Run* run) {
  if (run->over && leave_empty_tree(&run->tree)) return;
  end_tree(&run->tree);
  if (run->stopped && run->tree.grace_ms > 0) signal_command(run->tree, SIGCONT);
  while (run->tree.kept || (!run->over && !run->tree.verified)) attend(run);
}

}  // namespace
}  // namespace procguard

int main(int argc, char** argv) {
  using namespace procguard;
  constexpr char kGrace[] = "--grace=";
  if (argc < 5 || strncmp(argv[2], kGrace, sizeof(kGrace) - 1) != 0 || strcmp(argv[3], "--") != 0) {
    fprintf(stderr, "procguard-run is started by procguard, never by hand\n");
    return kUsage;
  }
  Run run = {};
  run.tree.grace_ms = static_cast<uint32_t>(strtoul(argv[2] + sizeof(kGrace) - 1, nullptr, 10));
  int failed = start(&run, argv + 4);
  if (failed != 0) return failed;
  let_go();
  outlive_parent_or_command(&run);
  end_everything(&run);
  end_like(run.ending);
}
