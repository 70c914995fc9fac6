#include "process_table.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel.h"

namespace procguard {

namespace {

// Namespaces of one kind are the same when device and inode are.
bool same_file(int proc_fd, const char* path, const struct stat& own) {
  struct stat other;
  return fstatat(proc_fd, path, &other, 0) == 0 && other.st_dev == own.st_dev && other.st_ino == own.st_ino;
}

struct Collector {
  int proc_fd;
  struct stat own_pid_namespace, own_time_namespace;
  bool pid_namespace_known, time_namespace_known;
  std::vector<ProcessEntry>* table;
  int error;
};

bool collect(void* context, pid_t pid) {
  Collector* self = static_cast<Collector*>(context);
  ProcessEntry entry = {};
  int error = read_stat(self->proc_fd, pid, &entry.stat);
  if (error == -ESRCH) return true;
  // A table with holes would be taken for proof that processes are gone.
  if (error != 0) self->error = error;
  if (error != 0) return false;
  char mark[kMarkBytes];
  entry.mark_read = read_mark(self->proc_fd, pid, mark);
  if (entry.mark_read == MarkRead::kFound) {
    entry.mark = mark;
    char path[48];
    snprintf(path, sizeof(path), "%d/ns/pid", static_cast<int>(pid));
    entry.same_namespaces =
        self->pid_namespace_known && same_file(self->proc_fd, path, self->own_pid_namespace);
    // Kernels before 5.6 have no time namespaces.
    snprintf(path, sizeof(path), "%d/ns/time", static_cast<int>(pid));
    if (self->time_namespace_known && !same_file(self->proc_fd, path, self->own_time_namespace))
      entry.same_namespaces = false;
  }
  self->table->push_back(std::move(entry));
  return true;
}

// 0: it is; -ESRCH: it isn't; another -errno: can't tell.
int check_identity(pid_t pid, uint64_t start_ticks) {
  int proc = open_proc();
  if (proc < 0) return proc;
  ProcessStat stat = {};
  int error = read_stat(proc, pid, &stat);
  close(proc);
  return error != 0 ? error : stat.start_ticks == start_ticks ? 0 : -ESRCH;
}

}  // namespace

int snapshot(std::vector<ProcessEntry>* table) {
  Collector collector = {};
  collector.proc_fd = open_proc();
  if (collector.proc_fd < 0) return collector.proc_fd;
  collector.pid_namespace_known =
      fstatat(collector.proc_fd, "self/ns/pid", &collector.own_pid_namespace, 0) == 0;
  collector.time_namespace_known =
      fstatat(collector.proc_fd, "self/ns/time", &collector.own_time_namespace, 0) == 0;
  collector.table = table;
  int error = for_each_process(collector.proc_fd, collect, &collector);
  close(collector.proc_fd);
  return error != 0 ? error : collector.error;
}

int open_process(pid_t pid, uint64_t start_ticks) {
  if (pid <= 1) return -EINVAL;
  if (!features().pidfd) return -ENOSYS;
  int pidfd = pidfd_open(pid);
  if (pidfd < 0) return pidfd;
  // Looked at after the descriptor pins it: what has this pid now is what the descriptor means, or both are
  // gone.
  int error = check_identity(pid, start_ticks);
  if (error == 0) return pidfd;
  close(pidfd);
  return error;
}

int send_signal(pid_t pid, uint64_t start_ticks, int signal) {
  if (pid <= 1) return -EINVAL;
  int pidfd = open_process(pid, start_ticks);
  if (pidfd == -ENOSYS) {
    // Without pidfds a moment is left in which the pid could be given away.
    int error = check_identity(pid, start_ticks);
    if (error != 0) return error;
    return kill(pid, signal) == 0 ? 0 : -errno;
  }
  if (pidfd < 0) return pidfd;
  int error = pidfd_send_signal(pidfd, signal);
  if (error == -ENOSYS) error = kill(pid, signal) == 0 ? 0 : -errno;
  close(pidfd);
  return error;
}

}  // namespace procguard
