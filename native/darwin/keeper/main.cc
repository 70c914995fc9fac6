// The keeper: outlives its host just long enough to kill what the host has left behind.
//
// procguard-keeper <identity>, started by the host with the descriptors of keeper/registry.h. One per host.
// It sleeps in one kevent until the host is dead, by whatever cause. macOS has nothing by which the kernel
// ends a child with its host, so the direct children are the keeper's, too.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/event.h>
#include <sys/mman.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <initializer_list>

#include "darwin/keeper/host_watch.h"
#include "darwin/keeper/trees.h"
#include "darwin/process_events.h"

namespace procguard {
namespace {

// How long SIGKILL may take before the keeper gives up.
constexpr uint64_t kPatienceMs = 30000;
// After SIGKILL, look again no later than this.
constexpr int64_t kLookAgainMs = 20;
// A process in the middle of an exec shows no environment for a moment. Two looks in a row that find nothing
// are the proof that there is nothing.
constexpr int kCleanLooks = 2;
// A tree whose members fork while they are stopped is gone through this often before it is killed.
constexpr int kStopRounds = 20;

struct Charge {
  pid_t host;
  uint64_t host_start_ticks;
  char prefix[kMarkBytes];  // what the marks of the host's children begin with
  const Registry* registry;
};

struct Failures {
  unsigned signals;
  int last_errno;
};

// CLOCK_MONOTONIC goes on counting on macOS while the machine sleeps, and no process of it runs.
uint64_t uptime_ms() {
  struct timespec now;
  clock_gettime(CLOCK_UPTIME_RAW, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1000000;
}

int fail(const char* what) {
  syslog(LOG_ERR, "procguard-keeper: %s: %s", what, strerror(errno));
  return 1;
}

// What ends a terminal's or a service's programs must not end the one that cleans up after them. It was
// started with all of them blocked.
void ignore_signals() {
  for (int signal :
       {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM, SIGTSTP, SIGTTIN, SIGTTOU})
    ::signal(signal, SIG_IGN);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

int take_charge(const char* identity, Charge* charge) {
  char* end;
  charge->host = static_cast<pid_t>(strtol(identity, &end, 10));
  charge->host_start_ticks = *end == ':' ? strtoull(end + 1, nullptr, 10) : 0;
  int length = snprintf(charge->prefix, sizeof(charge->prefix), "%s.", identity);
  if (charge->host < 1 || length >= static_cast<int>(sizeof(charge->prefix))) {
    errno = EINVAL;
    return fail("identity");
  }
  void* registry = mmap(nullptr, sizeof(Registry), PROT_READ, MAP_SHARED, kKeeperRegistryFd, 0);
  if (registry == MAP_FAILED) return fail("registry");
  charge->registry = static_cast<const Registry*>(registry);
  return 0;
}

int say_ready() {
  return write(kKeeperLineFd, "r", 1) < 0 && errno != EPIPE ? fail("line") : 0;
}

// macOS has nothing that pins a pid, so the start time is looked at right before.
void send(const Member& member, int signal, Failures* failures) {
  if (check_identity(member.pid, member.start_ticks) == -ESRCH) return;
  if (kill(member.pid, signal) == 0 || errno == ESRCH) return;
  failures->signals++;
  failures->last_errno = errno;
}

bool is_due(const Member& member, uint64_t elapsed_ms) {
  return member.is_alive && member.grace_ms <= elapsed_ms;
}

// Within its grace a process must be able to run. Returns when the earliest grace ends that has yet to pass;
// UINT64_MAX: none.
uint64_t ask_graced(Trees* trees, uint64_t elapsed_ms, Failures* failures) {
  uint64_t next_ms = UINT64_MAX;
  for (Member& member : trees->members()) {
    if (!member.is_alive || is_due(member, elapsed_ms)) continue;
    if (member.grace_ms < next_ms) next_ms = member.grace_ms;
    if (member.was_asked) continue;
    member.was_asked = true;
    send(member, SIGTERM, failures);
  }
  return next_ms;
}

// Stops whoever is due, until a look finds no others: nobody forks, restarts another, or leaves orphans that
// can't be told from strangers, while they are killed one by one. How many there are.
unsigned stop_due(Trees* trees, uint64_t elapsed_ms, Failures* failures) {
  unsigned stopped = 0;
  for (int round = 0; round < kStopRounds; round++) {
    unsigned due = 0;
    for (const Member& member : trees->members()) {
      if (!is_due(member, elapsed_ms)) continue;
      due++;
      send(member, SIGSTOP, failures);
    }
    if (due == stopped || trees->look() != 0) return due;
    stopped = due;
  }
  return stopped;
}

void kill_due(Trees* trees, uint64_t elapsed_ms, Failures* failures) {
  for (const Member& member : trees->members()) {
    if (is_due(member, elapsed_ms)) send(member, SIGKILL, failures);
  }
}

// Sleeps until one of those that live has ended, or a grace has passed.
void wait_for_change(Trees* trees, int64_t ms) {
  int events_fd = open_events();
  bool has_ended = false;
  for (const Member& member : trees->members()) {
    if (member.is_alive && events_fd >= 0) has_ended |= watch_end(events_fd, member.pid, nullptr) == -ESRCH;
  }
  struct kevent event;
  if (has_ended) ms = 1;
  if (events_fd >= 0) {
    await_events(events_fd, &event, 1, ms);
    close(events_fd);
  } else {
    usleep(static_cast<useconds_t>(ms) * 1000);
  }
}

// `error`: that of the last look.
int give_up(const Charge& charge, const Failures& failures, int error) {
  if (error != 0)
    syslog(LOG_ERR,
           "procguard-keeper: the process table can't be read: %s; trees of the dead host %d may live",
           strerror(-error), charge.host);
  else
    syslog(LOG_ERR, "procguard-keeper: processes of the dead host %d survived SIGKILL; %u signals failed: %s",
           charge.host, failures.signals, strerror(failures.last_errno));
  return 1;
}

bool has_living(Trees* trees) {
  for (const Member& member : trees->members()) {
    if (member.is_alive) return true;
  }
  return false;
}

int end_trees(const Charge& charge) {
  Trees trees(*charge.registry, charge.prefix);
  uint64_t started_ms = uptime_ms(), patient_until_ms = UINT64_MAX;
  Failures failures = {};
  for (int clean = 0; clean < kCleanLooks;) {
    uint64_t elapsed_ms = uptime_ms() - started_ms;
    int error = trees.look();
    bool alive = has_living(&trees);
    clean = alive || error != 0 ? 0 : clean + 1;
    if (clean > 0) continue;
    uint64_t next_grace_ms = ask_graced(&trees, elapsed_ms, &failures);
    bool is_graced = next_grace_ms != UINT64_MAX;
    unsigned due = stop_due(&trees, elapsed_ms, &failures);
    if (due > 0) kill_due(&trees, elapsed_ms, &failures);
    if (elapsed_ms > patient_until_ms) return give_up(charge, failures, error);
    // Counted from the first SIGKILL that no grace follows, since the keeper may itself have been stopped.
    if (!is_graced && patient_until_ms == UINT64_MAX) patient_until_ms = elapsed_ms + kPatienceMs;
    // A look that has failed is to be had again soon, also while a grace runs.
    bool is_soon = due > 0 || !is_graced || error != 0;
    wait_for_change(&trees, is_soon ? kLookAgainMs : static_cast<int64_t>(next_grace_ms - elapsed_ms));
  }
  return 0;
}

}  // namespace
}  // namespace procguard

int main(int argc, char** argv) {
  using namespace procguard;
  Charge charge = {};
  if (argc != 2) {
    fprintf(stderr, "procguard-keeper is started by procguard, never by hand\n");
    return 64;
  }
  ignore_signals();
  if (take_charge(argv[1], &charge) != 0 || say_ready() != 0) return 1;
  outlive_host(charge.host, charge.host_start_ticks, kKeeperLineFd);
  return end_trees(charge);
}
