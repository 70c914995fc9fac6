#include "identity.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <atomic>

#include "procfs.h"

namespace procguard {

namespace {

std::string make_identity() {
  int proc = open_proc();
  ProcessStat stat = {};
  bool known = proc >= 0 && read_stat(proc, getpid(), &stat) == 0;
  if (proc >= 0) close(proc);
  // Where it can't be read, a sweep takes such a mark for one of another boot, and lets it be.
  constexpr char kUnknownBoot[] = "00000000-0000-0000-0000-000000000000";
  char boot[40] = "";
  int boot_id = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
  if (boot_id >= 0) {
    ssize_t got = read(boot_id, boot, sizeof(boot) - 1);
    boot[got > 0 ? got : 0] = '\0';
    boot[strcspn(boot, "\n")] = '\0';
    close(boot_id);
  }
  if (boot[0] == '\0') strcpy(boot, kUnknownBoot);
  uint64_t random = 0;
  // Only uniqueness is asked of it: two hosts of one machine differ by pid and start time already.
  if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
    random = static_cast<uint64_t>(clock());
  char digits[17];
  snprintf(digits, sizeof(digits), "%016llx", static_cast<unsigned long long>(random));
  // A start time of 0 is nobody's: sweep takes such a mark for unknown and lets it be.
  return std::to_string(getpid()) + ":" + std::to_string(known ? stat.start_ticks : 0) + ":" + boot + ":" +
         digits;
}

}  // namespace

const std::string& host_identity() {
  static const std::string* const identity = new std::string(make_identity());
  return *identity;
}

uint64_t host_start_ticks() {
  const std::string& identity = host_identity();
  return strtoull(identity.c_str() + identity.find(':') + 1, nullptr, 10);
}

uint64_t next_child_number() {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

}  // namespace procguard
