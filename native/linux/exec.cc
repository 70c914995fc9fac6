#include "exec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <set>
#include <utility>

#include "procfs.h"

namespace procguard {

namespace {

// Pieces that end with a zero byte, as /proc shows arguments and environment.
std::vector<std::string> read_pieces(const char* path) {
  std::string text;
  int file = open(path, O_RDONLY | O_CLOEXEC);
  char part[4096];
  ssize_t got;
  while (file >= 0 && (got = read(file, part, sizeof(part))) > 0) text.append(part, static_cast<size_t>(got));
  if (file >= 0) close(file);
  std::vector<std::string> pieces;
  for (size_t at = 0; at < text.size();) {
    size_t end = text.find('\0', at);
    if (end == std::string::npos) end = text.size();
    pieces.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return pieces;
}

std::vector<char*> pointers(std::vector<std::string>& pieces) {
  std::vector<char*> result;
  for (std::string& piece : pieces) result.push_back(piece.data());
  result.push_back(nullptr);
  return result;
}

// Node resets all dispositions but two at its start, ignores SIGPIPE, and blocks SIGUSR1 for its debugger.
void reset_signals() {
  for (int signal = 1; signal < NSIG; signal++) {
    if (signal != SIGKILL && signal != SIGSTOP) ::signal(signal, SIG_DFL);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Node raises its soft limit to the hard one. What it was is what the parent has, if that left the hard one
// alone.
void restore_descriptor_limit() {
  struct rlimit own, parents;
  pid_t parent = getppid();
  if (parent < 1 || getrlimit(RLIMIT_NOFILE, &own) != 0 ||
      prlimit(parent, RLIMIT_NOFILE, nullptr, &parents) != 0)
    return;
  if (parents.rlim_max != own.rlim_max || parents.rlim_cur >= own.rlim_cur) return;
  own.rlim_cur = parents.rlim_cur;
  setrlimit(RLIMIT_NOFILE, &own);
}

// What tells one pipe from another.
using FileId = std::pair<dev_t, ino_t>;

struct Descriptors {
  int own;  // the directory that is read
  std::vector<int> inherited;
  std::map<FileId, std::vector<int>> pipes;
};

bool sort_descriptor(void* context, const char* name) {
  Descriptors* found = static_cast<Descriptors*>(context);
  int fd = static_cast<int>(strtol(name, nullptr, 10));
  struct stat file;
  if (name[0] < '0' || name[0] > '9' || fd <= 2 || fd == found->own || fstat(fd, &file) != 0) return true;
  if (S_ISFIFO(file.st_mode)) {
    found->pipes[{file.st_dev, file.st_ino}].push_back(fd);
  } else if ((file.st_mode & S_IFMT) != 0) {
    // Node's own are epoll, eventfd and their like, which have no file type.
    found->inherited.push_back(fd);
  }
  return true;
}

struct PipesOfParent {
  int fds;  // its directory of descriptors
  std::set<FileId> pipes;
};

bool add_pipe(void* context, const char* name) {
  PipesOfParent* found = static_cast<PipesOfParent*>(context);
  struct stat file;
  if (fstatat(found->fds, name, &file, 0) == 0 && S_ISFIFO(file.st_mode))
    found->pipes.insert({file.st_dev, file.st_ino});
  return true;
}

// Pipes that Node has not made: those of the parent, and of our streams.
std::set<FileId> foreign_pipes() {
  std::string path = "/proc/" + std::to_string(getppid()) + "/fd";
  PipesOfParent found = {open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), {}};
  if (found.fds >= 0) {
    for_each_entry(found.fds, add_pipe, &found);
    close(found.fds);
  }
  struct stat file;
  for (int fd : {0, 1, 2}) {
    if (fstat(fd, &file) == 0 && S_ISFIFO(file.st_mode)) found.pipes.insert({file.st_dev, file.st_ino});
  }
  return found.pipes;
}

// Node makes pipes to itself, with one descriptor for each end.
bool may_be_nodes_own(const std::vector<int>& ends) {
  if (ends.size() != 2) return false;
  return (fcntl(ends[0], F_GETFL) & O_ACCMODE) != (fcntl(ends[1], F_GETFL) & O_ACCMODE);
}

// Without /proc: the first of all that could be open.
void sort_first_descriptors(Descriptors* found) {
  constexpr int kMost = 1024;
  for (int fd = 3; fd < kMost; fd++) sort_descriptor(found, std::to_string(fd).c_str());
}

// Node has set close-on-exec on all that it inherited.
void pass_inherited_descriptors() {
  int fds = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  Descriptors found = {fds, {}, {}};
  if (fds < 0) {
    sort_first_descriptors(&found);
  } else {
    for_each_entry(fds, sort_descriptor, &found);
    close(fds);
  }
  std::set<FileId> foreign = foreign_pipes();
  for (const auto& [id, ends] : found.pipes) {
    if (foreign.count(id) == 0 && may_be_nodes_own(ends)) continue;
    found.inherited.insert(found.inherited.end(), ends.begin(), ends.end());
  }
  for (int fd : {0, 1, 2}) found.inherited.push_back(fd);
  for (int fd : found.inherited) fcntl(fd, F_SETFD, 0);
}

}  // namespace

int replace_process(const std::string& program, const std::vector<std::string>& args, size_t own_args) {
  std::vector<std::string> all = args, started_with = read_pieces("/proc/self/cmdline");
  // JavaScript has U+FFFD where there was a byte that is not UTF-8.
  for (size_t last = 1; last <= own_args && last <= started_with.size(); last++) {
    std::string& arg = all[all.size() - last];
    if (arg.find("\xEF\xBF\xBD") != std::string::npos) arg = started_with[started_with.size() - last];
  }
  // Node has taken out what it has read itself, such as NODE_CHANNEL_FD.
  std::vector<std::string> environment = read_pieces("/proc/self/environ");
  std::vector<char*> argv = pointers(all), envp = pointers(environment);
  bool is_readable = access("/proc/self/environ", R_OK) == 0;
  pass_inherited_descriptors();
  restore_descriptor_limit();
  reset_signals();
  execve(program.c_str(), argv.data(), is_readable ? envp.data() : environ);
  return -errno;
}

}  // namespace procguard
