#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "keeper/registry.h"
#include "keeper/sight.h"
#include "linux/procfs.h"
#include "linux/syscalls.h"

namespace procguard {

namespace {

struct MarkedContext {
  Look* look;
  int proc_fd;
  const char* prefix;
  pid_t self;
};

// The grace in "<prefix><child number>[.<grace>]"; false: another host's mark.
bool parse_mark(const char* mark, const char* prefix, uint32_t* grace_ms) {
  while (*prefix != '\0') {
    if (*mark++ != *prefix++) return false;
  }
  while (*mark >= '0' && *mark <= '9') mark++;
  uint64_t grace = 0;
  if (*mark == '.') {
    for (mark++; *mark >= '0' && *mark <= '9' && grace < UINT32_MAX; mark++)
      grace = grace * 10 + static_cast<unsigned>(*mark - '0');
  }
  *grace_ms = grace > UINT32_MAX ? UINT32_MAX : static_cast<uint32_t>(grace);
  return true;
}

bool is_marked(const MarkedContext& context, pid_t pid, uint32_t* grace_ms) {
  char mark[kMarkBytes];
  return read_mark(context.proc_fd, pid, mark) == MarkRead::kFound &&
         parse_mark(mark, context.prefix, grace_ms);
}

struct RegisteredContext {
  int proc_fd;
  uint64_t announced_ns;
};

// A process that started after the announcement is a stranger that got a used pid. Start times are counted in
// ticks, so one tick is allowed: no pid comes round again that soon.
bool is_registered(void* context, pid_t pid) {
  const RegisteredContext* self = static_cast<RegisteredContext*>(context);
  static const uint64_t tick_ns = 1000000000u / static_cast<uint64_t>(sysconf(_SC_CLK_TCK));
  ProcessStat stat;
  return read_stat(self->proc_fd, pid, &stat) == 0 && !is_dead(stat) &&
         stat.start_ticks * tick_ns <= self->announced_ns + tick_ns;
}

// Calls visit(context, slot) for each slot in use until it returns false.
template <typename Visit>
void for_each_slot(const Registry& registry, Visit visit) {
  uint32_t used = registry.used.load(std::memory_order_acquire);
  for (uint32_t i = 0; i < used && i < kRegistrySlots; i++) {
    const RegistrySlot& slot = registry.slots[i];
    pid_t pid = slot.pid.load(std::memory_order_acquire);
    if (pid > 1 && !visit(slot, pid)) return;
  }
}

}  // namespace

void meet(Look* look, pid_t pid, uint32_t grace_ms, bool ask, bool (*still_ours)(void* context, pid_t pid),
          void* context) {
  bool graced = grace_ms > look->elapsed_ms;
  int signal = graced ? (ask ? SIGTERM : 0) : (look->stop_only ? SIGSTOP : SIGKILL);
  // Within its grace a process must be able to run.
  if (graced && grace_ms < look->next_grace_ms) look->next_grace_ms = grace_ms;
  int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (pidfd < 0 && errno == ESRCH) return;
  if (!still_ours(context, pid)) {
    if (pidfd >= 0) close(pidfd);
    return;
  }
  look->found++;
  if (!graced) look->due++;
  look->last_found = pid;
  long result = 0;
  if (signal != 0) {
    result = pidfd >= 0 ? syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) : -1;
    // A sandbox may refuse that, and not this.
    if (result < 0 && (pidfd < 0 || errno != ESRCH)) result = kill(pid, signal);
  }
  if (result < 0 && errno != ESRCH) {
    look->failed_signals++;
    look->last_errno = errno;
  }
  if (look->wait_fd < 0)
    look->wait_fd = pidfd;
  else if (pidfd >= 0)
    close(pidfd);
}

void look_at_registered(Look* look, int proc_fd, const char* prefix, const Registry& registry) {
  MarkedContext marked = {look, proc_fd, prefix, getpid()};
  for_each_slot(registry, [&](const RegistrySlot& slot, pid_t pid) {
    RegisteredContext context = {proc_fd, slot.announced_ns};
    if (!is_registered(&context, pid)) return true;
    // Those that carry the mark are asked, and counted, by it; SIGTERM comes once.
    uint32_t ignored;
    bool ask = slot.grace_ms > 0 && look->number == 0 && !is_marked(marked, pid, &ignored);
    meet(look, pid, slot.grace_ms, ask, is_registered, &context);
    return true;
  });
}

void look_at_marked(Look* look, int proc_fd, const char* prefix) {
  MarkedContext marked = {look, proc_fd, prefix, getpid()};
  for_each_process(
      proc_fd,
      [](void* context, pid_t pid) {
        const MarkedContext* self = static_cast<MarkedContext*>(context);
        uint32_t grace_ms;
        if (pid <= 1 || pid == self->self || !is_marked(*self, pid, &grace_ms)) return true;
        bool ask = grace_ms > 0 && self->look->number == 0;
        meet(
            self->look, pid, grace_ms, ask,
            [](void* again, pid_t same) {
              uint32_t ignored;
              return is_marked(*static_cast<MarkedContext*>(again), same, &ignored);
            },
            context);
        return true;
      },
      &marked);
}

}  // namespace procguard
