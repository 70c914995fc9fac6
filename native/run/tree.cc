#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "linux/identity.h"
#include "linux/kernel.h"
#include "linux/procfs.h"

namespace procguard {

namespace {

extern "C" char** environ;

constexpr char kMarkName[] = "PROCGUARD_HOST=";
// A keeper that ended sooner than this after its start is not replaced for ever.
constexpr int64_t kHealthyMs = 2000;
constexpr int kQuickDeaths = 5;

int64_t monotonic_ms() {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1000000;
}

int start_keeper(Tree* tree) {
  if (tree->keeper.line_fd >= 0) close(tree->keeper.line_fd);
  if (tree->keeper.process.pidfd >= 0) close(tree->keeper.process.pidfd);
  tree->keeper = KeeperProcess();
  tree->keeper_started_ms = monotonic_ms();
  int error = start_keeper_process(tree->keeper_program, tree->registry_fd, tree->cgroup.fd(), &tree->keeper);
  tree->kept = error == 0;
  return error;
}

// Whether this process has children besides the keeper; true also when that can't be told. All that is left
// of the tree has come to us, or descends from one that has.
bool has_children(const Tree& tree) {
  FILE* file = fopen("/proc/thread-self/children", "re");
  if (file == nullptr) return true;
  int pid, others = 0;
  while (fscanf(file, "%d", &pid) == 1) {
    if (pid != tree.keeper.process.pid) others++;
  }
  fclose(file);
  return others > 0;
}

}  // namespace

int become_host(Tree* tree) {
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  if (disabled("keeper")) {
    fprintf(stderr, "procguard: PROCGUARD_DISABLE names keeper: only the command itself is guarded\n");
    return 0;
  }
  int proc = open_proc();
  if (proc < 0) {
    const char* why = proc == -ENOSYS  ? "isn't mounted"
                      : proc == -EXDEV ? "is another pid namespace's"
                                       : strerror(-proc);
    fprintf(stderr, "procguard: /proc %s: only the command itself is guarded\n", why);
    return 0;
  }
  close(proc);
  int error = make_registry(&tree->registry_fd, &tree->registry);
  if (error != 0) return error;
  tree->cgroup.open(getpid(), host_start_ticks());
  return start_keeper(tree);
}

int start_command(Tree* tree, char** argv, bool own_group) {
  std::string mark = kMarkName + host_identity() + '.' + std::to_string(next_child_number());
  if (tree->grace_ms > 0) mark += '.' + std::to_string(tree->grace_ms);
  LaunchPlan plan;
  plan.file = argv[0];
  for (char** arg = argv; *arg != nullptr; arg++) plan.argv.push_back(*arg);
  plan.argv.push_back(nullptr);
  for (char** entry = environ; *entry != nullptr; entry++) {
    if (strncmp(*entry, kMarkName, sizeof(kMarkName) - 1) != 0) plan.envp.push_back(*entry);
  }
  plan.envp.push_back(mark.data());
  plan.envp.push_back(nullptr);
  plan.new_group = own_group;
  if (tree->kept) {
    tree->registry->used = 1;
    plan.slot = &tree->registry->slots[0];
    plan.slot->grace_ms = tree->grace_ms;
    plan.cgroup_fd = tree->cgroup.leaf(tree->grace_ms);
  }
  // With a grace the kernel must send nothing: the keeper asks first.
  plan.death_signal = tree->kept && tree->grace_ms > 0 ? 0 : SIGKILL;
  return launch(plan, &tree->command);
}

void signal_command(const Tree& tree, int signal) {
  if (tree.command.pid <= 1) return;
  // Until it is reaped, which is when its pid is set to 0, the pid can't be another's.
  if (tree.command.pidfd < 0 || pidfd_send_signal(tree.command.pidfd, signal) == -ENOSYS)
    kill(tree.command.pid, signal);
}

void end_tree(Tree* tree) {
  tree->ending = true;
  // Its end of the line says that the host is dead, which is all that it waits for.
  if (tree->kept)
    shutdown(tree->keeper.line_fd, SHUT_RDWR);
  else
    signal_command(*tree, SIGKILL);
}

bool keeper_ended(Tree* tree, const Ending& ending) {
  tree->kept = false;
  tree->verified = tree->ending && ending.signal == 0 && ending.exit_code == 0;
  bool has_failed = tree->ending && ending.signal == 0;
  if (tree->verified || has_failed) return false;
  tree->quick_deaths = monotonic_ms() - tree->keeper_started_ms < kHealthyMs ? tree->quick_deaths + 1 : 0;
  if (tree->quick_deaths >= kQuickDeaths || start_keeper(tree) != 0) {
    if (tree->ending) signal_command(*tree, SIGKILL);
    return false;
  }
  if (tree->ending) shutdown(tree->keeper.line_fd, SHUT_RDWR);
  return true;
}

bool leave_empty_tree(Tree* tree) {
  if (has_children(*tree) || !tree->cgroup.remove()) return false;
  Ending ending;
  if (tree->kept && kill(tree->keeper.process.pid, SIGKILL) == 0)
    reap(tree->keeper.process.pid, tree->keeper.process.pidfd, false, &ending);
  tree->kept = false;
  return true;
}

}  // namespace procguard
