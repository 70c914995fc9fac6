// sysctl and libproc over /proc.
#include <ctype.h>
#include <errno.h>
#include <libproc.h>
#include <limits.h>
#include <mach/mach_time.h>
#include <stdlib.h>
#include <string.h>
#include <sys/proc.h>
#include <sys/sysctl.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

#include "proc.h"

namespace {

// As on Apple's chips, where a unit of the kernel's clock isn't a nanosecond.
constexpr uint32_t kNumerator = 125, kDenominator = 3;
// Programs in a folder of this name hide their environment, as those of Apple's that are protected do.
constexpr char kWithheld[] = "/withheld/";
constexpr int kUniqueIdentifierFlavor = 17;

int fail(int error) {
  errno = error;
  return -1;
}

char status_of(const shim::Stat& stat) {
  if (stat.is_zombie()) return SZOMB;
  return stat.state == 'T' || stat.state == 't' ? SSTOP : SRUN;
}

kinfo_proc entry_of(const shim::Stat& stat) {
  kinfo_proc entry = {};
  // Ticks since boot, since equality is all that is asked of them.
  entry.kp_proc.p_starttime = {static_cast<time_t>(stat.start_ticks / 100),
                               static_cast<suseconds_t>(stat.start_ticks % 100 * 10'000)};
  entry.kp_proc.p_flag = stat.has_executed ? P_EXEC : 0;
  entry.kp_proc.p_stat = status_of(stat);
  entry.kp_proc.p_pid = stat.pid;
  strncpy(entry.kp_proc.p_comm, stat.name.c_str(), MAXCOMLEN);
  // Linux keeps one letter less.
  if (stat.name == "procguard-keepe") strcpy(entry.kp_proc.p_comm, "procguard-keeper");
  entry.kp_eproc.e_ppid = stat.parent;
  entry.kp_eproc.e_pgid = stat.group;
  return entry;
}

int fill(const void* from, size_t bytes, void* out, size_t* size) {
  if (out != nullptr && *size < bytes) return fail(ENOMEM);
  if (out != nullptr) memcpy(out, from, bytes);
  *size = bytes;
  return 0;
}

int list_processes(void* out, size_t* size) {
  const char* forced = getenv("PROCGUARD_SHIM_LIST_ERROR");
  if (forced != nullptr) return fail(atoi(forced));
  std::string table;
  for (pid_t pid : shim::list_pids()) {
    shim::Stat stat;
    if (!shim::read_stat(pid, &stat)) continue;
    kinfo_proc entry = entry_of(stat);
    table.append(reinterpret_cast<const char*>(&entry), sizeof(entry));
  }
  return fill(table.data(), table.size(), out, size);
}

int read_process(pid_t pid, void* out, size_t* size) {
  const char* forced = getenv("PROCGUARD_SHIM_STAT_ERROR");
  if (forced != nullptr && pid != getpid()) return fail(atoi(forced));
  shim::Stat stat;
  *size = shim::read_stat(pid, &stat) ? sizeof(kinfo_proc) : 0;
  if (*size == 0) return 0;
  kinfo_proc entry = entry_of(stat);
  memcpy(out, &entry, sizeof(entry));
  return 0;
}

int read_arguments(pid_t pid, void* out, size_t* size) {
  char link[PATH_MAX + 1] = "";
  if (readlink(("/proc/" + std::to_string(pid) + "/exe").c_str(), link, PATH_MAX) <= 0) return fail(EINVAL);
  std::string path = link, arguments = shim::read_file(pid, "cmdline");
  std::string environment = shim::read_file(pid, "environ");
  int count = static_cast<int>(std::count(arguments.begin(), arguments.end(), '\0'));
  std::string text(reinterpret_cast<const char*>(&count), sizeof(count));
  text += path + std::string(8, '\0') + arguments;
  bool is_withheld = path.find(kWithheld) != std::string::npos && pid != getpid();
  if (!is_withheld) text += environment + '\0' + "executable_path=" + path + '\0';
  *size = std::min(*size, text.size());
  memcpy(out, text.data(), *size);
  return 0;
}

uint64_t unique_id(const shim::Stat& stat) {
  return stat.start_ticks << 24 | static_cast<uint64_t>(stat.pid);
}

// Linux forgets who has made an orphan: its maker counts as unknown, unless it is given.
int read_lineage(const shim::Stat& stat, uint64_t* words, int size) {
  shim::Stat parent;
  memset(words, 0, static_cast<size_t>(size));
  words[2] = unique_id(stat);
  const char* maker = getenv("PROCGUARD_SHIM_MAKER");
  if (stat.parent == 1 && maker != nullptr) words[3] = strtoull(maker, nullptr, 10);
  if (stat.parent > 1 && shim::read_stat(stat.parent, &parent)) words[3] = unique_id(parent);
  return size;
}

uint64_t to_units(uint64_t ns) {
  return ns / kNumerator * kDenominator;
}

}  // namespace

int sysctl(int* name, unsigned length, void* out, size_t* size, void*, size_t) {
  if (length == 3 && name[1] == KERN_PROC && name[2] == KERN_PROC_ALL) return list_processes(out, size);
  if (length == 4 && name[1] == KERN_PROC && name[2] == KERN_PROC_PID)
    return read_process(name[3], out, size);
  if (length == 3 && name[1] == KERN_PROCARGS2) return read_arguments(name[2], out, size);
  return fail(ENOENT);
}

int sysctlbyname(const char* name, void* out, size_t* size, void*, size_t) {
  if (strcmp(name, "kern.bootsessionuuid") != 0) return fail(ENOENT);
  std::string id;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> id;
  for (char& letter : id) letter = static_cast<char>(toupper(letter));
  return fill(id.c_str(), id.size() + 1, out, size);
}

int proc_pidinfo(int pid, int flavor, uint64_t, void* buffer, int size) {
  shim::Stat stat;
  if (!shim::read_stat(pid, &stat) || stat.is_zombie()) return fail(ESRCH), 0;
  if (flavor == kUniqueIdentifierFlavor) return read_lineage(stat, static_cast<uint64_t*>(buffer), size);
  if (flavor == PROC_PIDLISTFDS) return shim::list_descriptors(pid, buffer, size);
  if (flavor != PROC_PIDTASKINFO) return fail(EINVAL), 0;
  *static_cast<proc_taskinfo*>(buffer) = {static_cast<int32_t>(stat.threads), stat.state == 'R'};
  return size;
}

int proc_pid_rusage(int pid, int, rusage_info_t* buffer) {
  shim::Stat stat;
  if (!shim::read_stat(pid, &stat)) return fail(ESRCH);
  *reinterpret_cast<rusage_info_v2*>(buffer) = {to_units(stat.cpu_ns), 0, to_units(stat.reaped_ns), 0,
                                                stat.resident_bytes};
  return 0;
}

int mach_timebase_info(mach_timebase_info_data_t* info) {
  *info = {kNumerator, kDenominator};
  return 0;
}
