#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include <algorithm>

#include "../keeper/registry.h"
#include "launch_as.h"
#include "processes.h"
#include "program_search.h"

namespace procguard {

namespace {

class Attributes {
 public:
  Attributes() { error_ = posix_spawnattr_init(&raw_); }
  ~Attributes() {
    if (is_made()) posix_spawnattr_destroy(&raw_);
  }
  // 0 or an errno.
  int fill(const LaunchPlan& plan) {
    if (error_ != 0) return error_;
    int flags = POSIX_SPAWN_CLOEXEC_DEFAULT | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
    if (plan.new_session) flags |= POSIX_SPAWN_SETSID;
    sigset_t all, blocked;
    sigfillset(&all);
    sigemptyset(&blocked);
    if (plan.immune) sigfillset(&blocked);
    int error = posix_spawnattr_setflags(&raw_, static_cast<short>(flags));
    if (error == 0) error = posix_spawnattr_setsigdefault(&raw_, &all);
    if (error == 0) error = posix_spawnattr_setsigmask(&raw_, &blocked);
    return error;
  }
  posix_spawnattr_t* get() { return &raw_; }

 private:
  bool is_made() const { return error_ == 0; }
  posix_spawnattr_t raw_;
  int error_;
};

class FileActions {
 public:
  FileActions() {
    error_ = posix_spawn_file_actions_init(&raw_);
    is_made_ = error_ == 0;
  }
  ~FileActions() {
    if (is_made_) posix_spawn_file_actions_destroy(&raw_);
  }
  // 0 or an errno. In the order of libuv: the folder first, so that the program's path counts from there.
  int fill(const LaunchPlan& plan) {
    if (is_made_ && plan.cwd != nullptr) note(posix_spawn_file_actions_addchdir_np(&raw_, plan.cwd));
    std::vector<int> fds = plan.fds;
    move_away(&fds);
    for (size_t i = 0; i < fds.size() && error_ == 0; i++) place(static_cast<int>(i), fds[i]);
    return error_;
  }
  posix_spawn_file_actions_t* get() { return &raw_; }

 private:
  void note(int error) {
    if (error_ == 0) error_ = error;
  }

  // Those that a later duplicate would overwrite become numbers that nobody else uses. These are closed with
  // all that no action has named.
  void move_away(std::vector<int>* fds) {
    int count = static_cast<int>(fds->size());
    int free_fd = count;
    for (int source : *fds) free_fd = std::max(free_fd, source + 1);
    for (int i = 0; i < count && error_ == 0; i++) {
      int& source = (*fds)[static_cast<size_t>(i)];
      if (source < 0 || source >= i) continue;
      note(posix_spawn_file_actions_adddup2(&raw_, source, free_fd));
      moved_.push_back(free_fd);
      source = free_fd++;
    }
  }

  void place(int fd, int source) {
    if (source < 0) {
      if (fd <= 2)
        note(posix_spawn_file_actions_addopen(&raw_, fd, "/dev/null", fd == 0 ? O_RDONLY : O_RDWR, 0));
    } else if (source == fd) {
      note(posix_spawn_file_actions_addinherit_np(&raw_, fd));
    } else {
      note(posix_spawn_file_actions_adddup2(&raw_, source, fd));
      // A duplicate that an action has made is no longer closed by default.
      bool is_moved = std::find(moved_.begin(), moved_.end(), source) != moved_.end();
      if (is_moved) note(posix_spawn_file_actions_addclose(&raw_, source));
    }
  }

  posix_spawn_file_actions_t raw_;
  std::vector<int> moved_;
  int error_;
  bool is_made_;
};

// Programs expect blocking streams, and the mode is shared with the host: as libuv has it.
void make_blocking(const std::vector<int>& fds) {
  for (int fd : fds) {
    int flags = fd < 0 ? 0 : fcntl(fd, F_GETFL);
    if (flags > 0 && (flags & O_NONBLOCK) != 0) fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
  }
}

int spawn(LaunchPlan& plan, const std::vector<std::string>& candidates, pid_t* pid) {
  Attributes attributes;
  FileActions actions;
  int error = attributes.fill(plan);
  if (error == 0) error = actions.fill(plan);
  if (error != 0) return error;
  make_blocking(plan.fds);
  SearchResult result;
  for (const std::string& path : candidates) {
    do
      error =
          posix_spawn(pid, path.c_str(), actions.get(), attributes.get(), plan.argv.data(), plan.envp.data());
    while (error == EINTR);
    if (!result.goes_on_after(error)) break;
  }
  return result.error();
}

// The child can't write into its slot by itself before it runs its program: a host that dies right here
// leaves it to be found by its mark.
// 0 or -errno.
int announce(pid_t pid, RegistrySlot* slot) {
  ProcessStat stat;
  int error = read_stat(pid, &stat);
  // One that has ended needs no keeper.
  if (error != 0) return error == -ESRCH ? 0 : error;
  slot->announced_ns = stat.start_ticks * 1000;
  slot->pid.store(pid, std::memory_order_release);
  return 0;
}

}  // namespace

int launch(LaunchPlan& plan, pid_t* pid, int* registry_error) {
  *registry_error = 0;
  std::vector<std::string> candidates;
  int error = find_candidates(plan, &candidates);
  if (error == 0) {
    bool is_as_other = plan.set_uid || plan.set_gid;
    error = is_as_other ? launch_as(plan, candidates, pid) : spawn(plan, candidates, pid);
  }
  if (error != 0) return -error;
  if (plan.slot != nullptr) *registry_error = announce(*pid, plan.slot);
  return 0;
}

}  // namespace procguard
