#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keeper/sight.h"
#include "linux/procfs.h"

namespace procguard {

namespace {

constexpr int kMaxDepth = 16;

ssize_t read_file(int directory_fd, const char* name, char* text, size_t size) {
  int fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t got;
  do got = read(fd, text, size - 1);
  while (got < 0 && errno == EINTR);
  close(fd);
  if (got >= 0) text[got] = '\0';
  return got;
}

bool is_populated(int directory_fd) {
  char text[128];
  return read_file(directory_fd, "cgroup.events", text, sizeof(text)) > 0 &&
         strstr(text, "populated 1") != nullptr;
}

int kill_whole(int directory_fd) {
  int fd = openat(directory_fd, "cgroup.kill", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  int error = write(fd, "1", 1) == 1 ? 0 : -errno;
  close(fd);
  return error;
}

// The next method where cgroup.kill fails: each member by itself.
void kill_members(Look* look, int directory_fd) {
  int fd = openat(directory_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  char text[4096];
  ssize_t got, kept = 0;
  while ((got = read(fd, text + kept, sizeof(text) - 1 - static_cast<size_t>(kept))) > 0) {
    text[kept + got] = '\0';
    char* line = text;
    for (char* end; (end = strchr(line, '\n')) != nullptr; line = end + 1) {
      pid_t pid = static_cast<pid_t>(strtol(line, nullptr, 10));
      if (pid > 1 && kill(pid, SIGKILL) != 0 && errno != ESRCH) {
        look->failed_signals++;
        look->last_errno = errno;
      }
    }
    kept = static_cast<ssize_t>(strlen(line));
    memmove(text, line, static_cast<size_t>(kept));
  }
  close(fd);
}

struct LeafContext {
  Look* look;
  int cgroup_fd;
  bool populated;
};

bool look_at_leaf(void* data, const char* name) {
  LeafContext* context = static_cast<LeafContext*>(data);
  bool graced = strncmp(name, "grace-", 6) == 0;
  if (!graced && strcmp(name, "now") != 0) return true;
  uint64_t grace_ms = graced ? strtoull(name + 6, nullptr, 10) : 0;
  int leaf = openat(context->cgroup_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (leaf < 0) return true;
  if (is_populated(leaf)) {
    context->populated = true;
    Look* look = context->look;
    if (grace_ms > look->elapsed_ms) {
      if (grace_ms < look->next_grace_ms) look->next_grace_ms = grace_ms;
    } else {
      look->due++;
      int error = kill_whole(leaf);
      if (error != 0) {
        look->failed_signals++;
        look->last_errno = -error;
        kill_members(look, leaf);
      }
    }
  }
  close(leaf);
  return true;
}

struct RemoveContext {
  int directory_fd;
  int depth;
  bool removed_one;
};

int remove_below(int directory_fd, int depth);

bool remove_entry(void* data, const char* name) {
  RemoveContext* context = static_cast<RemoveContext*>(data);
  if (name[0] == '.') return true;
  int below = openat(context->directory_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (below < 0) return true;  // a file; those go with their directory
  remove_below(below, context->depth + 1);
  close(below);
  if (unlinkat(context->directory_fd, name, AT_REMOVEDIR) == 0) context->removed_one = true;
  return true;
}

int remove_below(int directory_fd, int depth) {
  if (depth > kMaxDepth) return -ELOOP;
  RemoveContext context = {directory_fd, depth, false};
  return for_each_entry(directory_fd, remove_entry, &context);
}

}  // namespace

bool look_at_cgroup(Look* look, int cgroup_fd) {
  LeafContext context = {look, cgroup_fd, false};
  if (for_each_entry(cgroup_fd, look_at_leaf, &context) != 0) return false;
  return context.populated;
}

int open_cgroup_events(int cgroup_fd, bool* empty) {
  int fd = openat(cgroup_fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  // Poll reports changes since the last read.
  char text[128];
  ssize_t got = read(fd, text, sizeof(text) - 1);
  text[got > 0 ? got : 0] = '\0';
  *empty = strstr(text, "populated 0") != nullptr;
  return fd;
}

int remove_cgroup(int cgroup_fd) {
  char path[4096];
  ssize_t length = readlink("/proc/self/fd/5", path, sizeof(path) - 1);
  if (length <= 0) return -errno;
  path[length] = '\0';
  remove_below(cgroup_fd, 0);
  return rmdir(path) == 0 ? 0 : -errno;
}

}  // namespace procguard
