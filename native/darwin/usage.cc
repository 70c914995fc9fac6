#include "usage.h"

#include <errno.h>
#include <libproc.h>
#include <mach/mach_time.h>

namespace procguard {

namespace {

// The kernel counts in units of its own clock: nanoseconds on Intel, 125/3 of them on Apple's chips.
uint64_t to_ns(uint64_t units) {
  static const mach_timebase_info_data_t base = [] {
    mach_timebase_info_data_t read = {1, 1};
    mach_timebase_info(&read);
    return read;
  }();
  return units / base.denom * base.numer + units % base.denom * base.numer / base.denom;
}

int error_of_look() {
  return errno == EPERM ? -EACCES : errno == 0 ? -ESRCH : -errno;
}

}  // namespace

int read_usage(pid_t pid, Usage* usage) {
  struct rusage_info_v2 found;
  errno = 0;
  if (proc_pid_rusage(pid, RUSAGE_INFO_V2, reinterpret_cast<rusage_info_t*>(&found)) != 0)
    return error_of_look();
  usage->cpu_ns = to_ns(found.ri_user_time + found.ri_system_time);
  usage->reaped_ns = to_ns(found.ri_child_user_time + found.ri_child_system_time);
  usage->footprint_bytes = found.ri_phys_footprint;
  return 0;
}

int read_threads(pid_t pid, long* threads, bool* runs) {
  struct proc_taskinfo found;
  errno = 0;
  if (proc_pidinfo(pid, PROC_PIDTASKINFO, 0, &found, sizeof(found)) != sizeof(found)) return error_of_look();
  *threads = found.pti_threadnum;
  *runs = found.pti_numrunning > 0;
  return 0;
}

}  // namespace procguard
