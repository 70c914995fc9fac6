#include "identity.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/sysctl.h>
#include <unistd.h>

#include <atomic>

#include "processes.h"

namespace procguard {

namespace {

std::string make_identity() {
  ProcessStat stat = {};
  bool known = read_stat(getpid(), &stat) == 0;
  uint64_t random = 0;
  // Only uniqueness is asked of it: two hosts of one machine differ by pid and start time already.
  if (getentropy(&random, sizeof(random)) != 0) random = 0;
  char digits[17];
  snprintf(digits, sizeof(digits), "%016llx", static_cast<unsigned long long>(random));
  // A start time of 0 is nobody's: sweep takes such a mark for unknown and lets it be.
  return std::to_string(getpid()) + ":" + std::to_string(known ? stat.start_ticks : 0) + ":" + boot_id() +
         ":" + digits;
}

}  // namespace

const std::string& host_identity() {
  static const std::string* const identity = new std::string(make_identity());
  return *identity;
}

std::string boot_id() {
  // Not kern.boottime, which changes when the clock is set.
  char id[64] = "";
  size_t size = sizeof(id) - 1;
  if (sysctlbyname("kern.bootsessionuuid", id, &size, nullptr, 0) != 0) return "";
  std::string text = id;
  for (char& letter : text) letter = static_cast<char>(tolower(letter));
  return text;
}

uint64_t next_child_number() {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

}  // namespace procguard
