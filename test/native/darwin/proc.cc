#include "proc.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <sstream>

namespace {

constexpr long long kForkedOnly = 0x40;  // PF_FORKNOEXEC

}  // namespace

namespace shim {

std::string read_file(pid_t pid, const char* name) {
  std::string path = "/proc/" + std::to_string(pid) + "/" + name, text;
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return text;
  char part[4096];
  for (ssize_t got; (got = read(fd, part, sizeof(part))) > 0;) text.append(part, static_cast<size_t>(got));
  close(fd);
  return text;
}

bool read_stat(pid_t pid, Stat* stat) {
  std::string text = read_file(pid, "stat");
  size_t open = text.find('('), close = text.rfind(')');
  if (close == std::string::npos) return false;
  stat->pid = pid;
  stat->name = text.substr(open + 1, close - open - 1);
  std::istringstream rest(text.substr(close + 2));
  long long fields[22];  // 4 to 25
  rest >> stat->state;
  for (long long& field : fields) rest >> field;
  static const long ticks = sysconf(_SC_CLK_TCK), page = sysconf(_SC_PAGESIZE);
  uint64_t tick_ns = 1'000'000'000u / static_cast<uint64_t>(ticks);
  stat->parent = static_cast<pid_t>(fields[0]);
  stat->group = static_cast<pid_t>(fields[1]);
  stat->has_executed = (fields[5] & kForkedOnly) == 0;
  stat->cpu_ns = static_cast<uint64_t>(fields[10] + fields[11]) * tick_ns;
  stat->reaped_ns = static_cast<uint64_t>(fields[12] + fields[13]) * tick_ns;
  stat->threads = static_cast<long>(fields[16]);
  stat->start_ticks = static_cast<uint64_t>(fields[18]);
  stat->resident_bytes = static_cast<uint64_t>(fields[20]) * static_cast<uint64_t>(page);
  return true;
}

std::vector<pid_t> list_pids() {
  std::vector<pid_t> pids;
  DIR* folder = opendir("/proc");
  if (folder == nullptr) return pids;
  while (const dirent* entry = readdir(folder)) {
    if (isdigit(entry->d_name[0])) pids.push_back(static_cast<pid_t>(std::stol(entry->d_name)));
  }
  closedir(folder);
  return pids;
}

}  // namespace shim
