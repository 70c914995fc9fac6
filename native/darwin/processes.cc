#include "processes.h"

#include <errno.h>
#include <libproc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/proc.h>
#include <sys/sysctl.h>
#include <unistd.h>

namespace procguard {

namespace {

// proc_info_private.h of xnu; the kernel has had it since OS X 10.9.
constexpr int kUniqueIdentifierFlavor = 17;
struct UniqueIdentifier {
  uint8_t uuid[16];
  uint64_t own, parents;
  uint64_t reserved[3];
};
static_assert(sizeof(UniqueIdentifier) == 56, "as the kernel fills it in");

// Processes are made between the look at the size and the look itself.
constexpr int kReadings = 8;

char letter_of(int status) {
  switch (status) {
    case SIDL:
      return 'I';
    case SRUN:
      return 'R';
    case SSTOP:
      return 'T';
    case SZOMB:
      return 'Z';
    default:
      return 'S';
  }
}

ProcessStat stat_of(const kinfo_proc& found) {
  ProcessStat stat = {};
  stat.pid = found.kp_proc.p_pid;
  stat.parent = found.kp_eproc.e_ppid;
  stat.group = found.kp_eproc.e_pgid;
  // The entry has the session's address in the kernel only.
  pid_t session = getsid(stat.pid);
  stat.session = session > 0 ? session : 0;
  stat.state = letter_of(found.kp_proc.p_stat);
  const struct timeval& start = found.kp_proc.p_starttime;
  stat.start_ticks = static_cast<uint64_t>(start.tv_sec) * 1'000'000 + static_cast<uint64_t>(start.tv_usec);
  stat.has_executed = (found.kp_proc.p_flag & P_EXEC) != 0;
  stat.is_keeper = strncmp(found.kp_proc.p_comm, "procguard-keeper", MAXCOMLEN) == 0;
  return stat;
}

}  // namespace

int read_stat(pid_t pid, ProcessStat* stat) {
  int name[4] = {CTL_KERN, KERN_PROC, KERN_PROC_PID, pid};
  kinfo_proc found;
  size_t bytes = sizeof(found);
  if (sysctl(name, 4, &found, &bytes, nullptr, 0) != 0) return -errno;
  if (bytes < sizeof(found)) return -ESRCH;
  *stat = stat_of(found);
  return 0;
}

int check_identity(pid_t pid, uint64_t start_ticks) {
  ProcessStat stat;
  int error = read_stat(pid, &stat);
  if (error != 0) return error;
  return stat.start_ticks == start_ticks && !is_dead(stat) ? 0 : -ESRCH;
}

int try_list() {
  int name[3] = {CTL_KERN, KERN_PROC, KERN_PROC_ALL};
  size_t bytes = 0;
  return sysctl(name, 3, nullptr, &bytes, nullptr, 0) == 0 ? 0 : -errno;
}

ProcessList::~ProcessList() {
  free(list_);
}

int ProcessList::read() {
  int name[3] = {CTL_KERN, KERN_PROC, KERN_PROC_ALL};
  for (int i = 0; i < kReadings; i++) {
    size_t bytes = 0;
    if (sysctl(name, 3, nullptr, &bytes, nullptr, 0) != 0) return -errno;
    bytes += bytes / 4;
    if (bytes > room_bytes_) {
      void* more = realloc(list_, bytes);
      if (more == nullptr) return -ENOMEM;
      list_ = static_cast<kinfo_proc*>(more);
      room_bytes_ = bytes;
    }
    bytes = room_bytes_;
    if (sysctl(name, 3, list_, &bytes, nullptr, 0) == 0) {
      count_ = bytes / sizeof(kinfo_proc);
      return 0;
    }
    if (errno != ENOMEM) return -errno;
  }
  return -EAGAIN;
}

ProcessStat ProcessList::at(size_t index) const {
  return stat_of(list_[index]);
}

bool read_lineage(pid_t pid, Lineage* lineage) {
  UniqueIdentifier found;
  if (proc_pidinfo(pid, kUniqueIdentifierFlavor, 0, &found, sizeof(found)) != sizeof(found)) return false;
  *lineage = {found.own, found.parents};
  return true;
}

}  // namespace procguard
