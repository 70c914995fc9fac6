#include "darwin/keeper/host_watch.h"

#include <errno.h>
#include <poll.h>
#include <sys/event.h>
#include <sys/socket.h>
#include <syslog.h>

#include "darwin/process_events.h"
#include "darwin/processes.h"

namespace procguard {

namespace {

// Only for a line that can't be watched by its event, or a machine that has no room for another kqueue.
constexpr int64_t kLookAgainMs = 1000;

// The end of the line. The host never writes to it.
bool has_ended(int line_fd) {
  char byte;
  ssize_t got = recv(line_fd, &byte, 1, MSG_DONTWAIT);
  return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}

}  // namespace

void outlive_host(pid_t host, uint64_t start_ticks, int line_fd) {
  int events_fd = open_events();
  int line = events_fd < 0 ? events_fd : watch_readable(events_fd, line_fd);
  int end = events_fd < 0 ? events_fd : watch_end(events_fd, host, nullptr);
  if (end == -ESRCH) return;
  // The host may have died before the watch began, and its pid be another's by now: that one's life means
  // nothing. An error other than "no such process" leaves the line to tell.
  // Nor is a host dead that couldn't tell when it was started.
  bool is_known = start_ticks != 0;
  if (end == 0 && is_known && check_identity(host, start_ticks) == -ESRCH) return;
  if (end != 0) syslog(LOG_WARNING, "procguard-keeper: the host's end can't be watched: error %d", -end);
  for (;;) {
    struct kevent event = {};
    if (events_fd < 0) {
      struct pollfd wait = {line_fd, POLLIN, 0};
      poll(&wait, 1, static_cast<int>(kLookAgainMs));
      if (is_known && check_identity(host, start_ticks) == -ESRCH) return;
    } else {
      int count = await_events(events_fd, &event, 1, line == 0 ? -1 : kLookAgainMs);
      if (count == 1 && event.filter == EVFILT_PROC) return;
    }
    if (has_ended(line_fd)) return;
  }
}

}  // namespace procguard
