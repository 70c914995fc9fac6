#include "sighting.h"

#include <errno.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "sample.h"

namespace procguard {

namespace {

// The clock of a whole process, in nanoseconds, where stat counts in hundredths of a second. As
// clock_getcpuclockid() makes it, without the system call by which that looks for the process.
clockid_t cpu_clock_of(pid_t pid) {
  return static_cast<clockid_t>(~static_cast<unsigned>(pid) << 3 | 2);
}

bool exists(pid_t pid) {
  return kill(pid, 0) == 0 || errno == EPERM;
}

}  // namespace

int look_at_process(int proc_fd, pid_t pid, Sighting* seen) {
  if (pid <= 0) return -ESRCH;
  // Before stat is read: the start time in there then shows whose clock it was.
  struct timespec cpu;
  bool has_clock = clock_gettime(cpu_clock_of(pid), &cpu) == 0;
  seen->at_ns = monotonic_ns();
  int error = read_stat(proc_fd, pid, &seen->stat);
  // With hidepid, /proc denies that the processes of other users exist. It is asked again, for one that has
  // come only now.
  if (error == -ESRCH && exists(pid)) {
    error = read_stat(proc_fd, pid, &seen->stat);
    if (error == -ESRCH && exists(pid)) error = -EACCES;
    has_clock = false;
  }
  if (error == -EPERM) error = -EACCES;
  if (error != 0) return error;
  // Of a first thread that has ended before the others /proc says that it is a zombie without memory.
  ProcessStat other;
  if (seen->stat.state == 'Z' && seen->stat.threads > 1 &&
      read_other_thread_stat(proc_fd, pid, &other) == 0) {
    seen->stat.state = other.state;
    seen->stat.resident_pages = other.resident_pages;
  }
  static const uint64_t tick_ns = 1'000'000'000 / static_cast<uint64_t>(sysconf(_SC_CLK_TCK));
  seen->cpu_ns = has_clock ? static_cast<uint64_t>(cpu.tv_sec) * 1'000'000'000 + cpu.tv_nsec
                           : seen->stat.cpu_ticks * tick_ns;
  return 0;
}

}  // namespace procguard
