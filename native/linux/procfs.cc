#include "procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace procguard {

namespace {

constexpr char kMarkName[] = "PROCGUARD_HOST=";

// As getdents64 writes it.
struct DirectoryEntry {
  uint64_t inode;
  int64_t offset;
  uint16_t length;
  uint8_t type;
  char name[1];
};

int open_file(int proc_fd, pid_t pid, const char* name) {
  char path[48];
  snprintf(path, sizeof(path), "%d/%s", static_cast<int>(pid), name);
  return openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
}

ssize_t read_some(int fd, char* buffer, size_t size) {
  ssize_t got;
  do got = read(fd, buffer, size);
  while (got < 0 && errno == EINTR);
  return got;
}

// Whether this /proc counts pids as we do. It names a process by all its pids, from its own namespace's down
// to the innermost: ours has one. Kernels before 4.1 only say which of theirs we are.
bool has_our_pids(int proc_fd) {
  char text[4096], self[16] = "";
  int fd = openat(proc_fd, "self/status", O_RDONLY | O_CLOEXEC);
  ssize_t length = fd < 0 ? -1 : read_some(fd, text, sizeof(text) - 1);
  if (fd >= 0) close(fd);
  text[length > 0 ? length : 0] = '\0';
  const char* pids = strstr(text, "\nNSpid:");
  if (pids != nullptr && strchr(pids + 1, '\n') != nullptr) {
    char* end;
    bool is_ours = strtol(pids + 7, &end, 10) == getpid();
    return is_ours && *end == '\n';
  }
  if (readlinkat(proc_fd, "self", self, sizeof(self) - 1) <= 0) return false;
  return strtol(self, nullptr, 10) == getpid();
}

int read_stat_file(int fd, pid_t pid, ProcessStat* stat) {
  if (fd < 0) return errno == ENOENT ? -ESRCH : -errno;
  char text[1024];
  ssize_t length = read_some(fd, text, sizeof(text) - 1);
  int error = errno;
  close(fd);
  if (length <= 0) return length < 0 ? -error : -ESRCH;
  text[length] = '\0';
  // The name may hold blanks and parentheses; the last ')' ends it.
  char* rest = strrchr(text, ')');
  if (rest == nullptr || rest[1] != ' ') return -EPROTO;
  const char* name = strchr(text, '(');
  // The kernel keeps 15 bytes of a name.
  stat->is_keeper = name != nullptr && strncmp(name + 1, "procguard-keepe)", 16) == 0;
  rest += 2;
  stat->pid = pid;
  stat->state = *rest++;
  long long fields[21];  // 4 (parent) to 24 (resident pages)
  for (long long& field : fields) {
    char* end;
    field = strtoll(rest, &end, 10);
    if (end == rest) return -EPROTO;
    rest = end;
  }
  stat->parent = static_cast<pid_t>(fields[0]);
  stat->group = static_cast<pid_t>(fields[1]);
  stat->session = static_cast<pid_t>(fields[2]);
  stat->cpu_ticks = static_cast<uint64_t>(fields[10] + fields[11]);
  stat->reaped_ticks = static_cast<uint64_t>(fields[12] + fields[13]);
  stat->threads = static_cast<long>(fields[16]);
  stat->start_ticks = static_cast<uint64_t>(fields[18]);
  stat->resident_pages = static_cast<uint64_t>(fields[20]);
  return 0;
}

// `*empty`: there was nothing to read, as with a kernel thread, a zombie, and a first thread that has ended.
MarkRead find_mark(int fd, char (&mark)[kMarkBytes], bool* empty) {
  *empty = true;
  char buffer[4096];
  constexpr size_t kNameLength = sizeof(kMarkName) - 1;
  size_t matched = 0, length = 0;
  bool skipping = false;  // the entry at hand is another variable
  MarkRead result = MarkRead::kNone;
  for (;;) {
    ssize_t got = read_some(fd, buffer, sizeof(buffer));
    if (got < 0) result = errno == ESRCH ? MarkRead::kNone : MarkRead::kUnreadable;
    if (got <= 0) break;
    *empty = false;
    for (ssize_t i = 0; i < got; i++) {
      char next = buffer[i];
      if (next == '\0') {
        if (matched == kNameLength) {
          mark[length] = '\0';
          return MarkRead::kFound;
        }
        matched = 0;
        skipping = false;
      } else if (matched == kNameLength) {
        if (length < kMarkBytes - 1) mark[length++] = next;
      } else if (!skipping) {
        if (next == kMarkName[matched])
          matched++;
        else
          skipping = true;
      }
    }
  }
  // The environment's last entry may lack its end when the process has overwritten it.
  return result;
}

bool is_other_thread(void* data, const char* name) {
  pid_t* thread = static_cast<pid_t*>(data);
  pid_t id = static_cast<pid_t>(strtol(name, nullptr, 10));
  if (id <= 0 || id == *thread) return true;
  *thread = id;
  return false;
}

// A file of another thread of the process than the first. -1 with errno.
int open_other_thread_file(int proc_fd, pid_t pid, const char* name) {
  char path[64];
  snprintf(path, sizeof(path), "%d/task", static_cast<int>(pid));
  int tasks = openat(proc_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (tasks < 0) return -1;
  pid_t thread = pid;
  for_each_entry(tasks, is_other_thread, &thread);
  close(tasks);
  snprintf(path, sizeof(path), "%d/task/%d/%s", static_cast<int>(pid), static_cast<int>(thread), name);
  return openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
}

// The environment as another thread of the process has it.
int open_other_environ(int proc_fd, pid_t pid) {
  ProcessStat stat;
  if (read_stat(proc_fd, pid, &stat) != 0 || stat.state != 'Z' || stat.threads <= 1) return -1;
  return open_other_thread_file(proc_fd, pid, "environ");
}

}  // namespace

int open_proc() {
  int fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT || errno == ENOTDIR ? -ENOSYS : -errno;
  // In an empty directory every process would be gone.
  struct statfs system;
  bool is_mounted = fstatfs(fd, &system) == 0 && system.f_type == PROC_SUPER_MAGIC;
  if (is_mounted && has_our_pids(fd)) return fd;
  close(fd);
  return is_mounted ? -EXDEV : -ENOSYS;
}

int read_stat(int proc_fd, pid_t pid, ProcessStat* stat) {
  return read_stat_file(open_file(proc_fd, pid, "stat"), pid, stat);
}

int read_other_thread_stat(int proc_fd, pid_t pid, ProcessStat* stat) {
  return read_stat_file(open_other_thread_file(proc_fd, pid, "stat"), pid, stat);
}

pid_t read_tracer(int proc_fd, pid_t pid) {
  int fd = open_file(proc_fd, pid, "status");
  if (fd < 0) return -errno;
  char text[2048];
  ssize_t length = read_some(fd, text, sizeof(text) - 1);
  int error = errno;
  close(fd);
  if (length <= 0) return length < 0 ? -error : -ESRCH;
  text[length] = '\0';
  // Below the name, in which a newline is escaped.
  const char* line = strstr(text, "\nTracerPid:");
  return line == nullptr ? 0 : static_cast<pid_t>(strtol(line + 11, nullptr, 10));
}

MarkRead read_mark(int proc_fd, pid_t pid, char (&mark)[kMarkBytes]) {
  bool empty;
  int fd = open_file(proc_fd, pid, "environ");
  if (fd < 0) return MarkRead::kUnreadable;
  MarkRead result = find_mark(fd, mark, &empty);
  close(fd);
  if (!empty || result == MarkRead::kUnreadable) return result;
  fd = open_other_environ(proc_fd, pid);
  if (fd < 0) return result;
  result = find_mark(fd, mark, &empty);
  close(fd);
  return result;
}

int for_each_entry(int directory_fd, bool (*visit)(void* context, const char* name), void* context) {
  if (lseek(directory_fd, 0, SEEK_SET) < 0) return -errno;
  alignas(DirectoryEntry) char buffer[4096];
  for (;;) {
    long got = syscall(SYS_getdents64, directory_fd, buffer, sizeof(buffer));
    if (got < 0) return -errno;
    if (got == 0) return 0;
    for (long at = 0; at < got;) {
      DirectoryEntry* entry = reinterpret_cast<DirectoryEntry*>(buffer + at);
      at += entry->length;
      if (!visit(context, entry->name)) return 0;
    }
  }
}

int for_each_process(int proc_fd, bool (*visit)(void* context, pid_t pid), void* context) {
  struct Forward {
    bool (*visit)(void* context, pid_t pid);
    void* context;
  } forward = {visit, context};
  return for_each_entry(
      proc_fd,
      [](void* data, const char* name) {
        Forward* to = static_cast<Forward*>(data);
        if (name[0] < '1' || name[0] > '9') return true;
        return to->visit(to->context, static_cast<pid_t>(strtol(name, nullptr, 10)));
      },
      &forward);
}

}  // namespace procguard
