#include "process_events.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/event.h>
#include <time.h>
#include <unistd.h>

namespace procguard {

namespace {

int change(int events_fd, uintptr_t id, int16_t filter, uint16_t flags, uint32_t what, void* data) {
  struct kevent change;
  EV_SET(&change, id, filter, flags, what, 0, data);
  int result;
  do result = kevent(events_fd, &change, 1, nullptr, 0, nullptr);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : 0;
}

}  // namespace

int open_events() {
  int fd = kqueue();
  if (fd < 0) return -errno;
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  return fd;
}

int watch_end(int events_fd, pid_t pid, void* data) {
  return change(events_fd, static_cast<uintptr_t>(pid), EVFILT_PROC, EV_ADD | EV_ONESHOT, NOTE_EXIT, data);
}

void unwatch_end(int events_fd, pid_t pid) {
  // It fails when the event has come already.
  change(events_fd, static_cast<uintptr_t>(pid), EVFILT_PROC, EV_DELETE, 0, nullptr);
}

int watch_readable(int events_fd, int fd) {
  return change(events_fd, static_cast<uintptr_t>(fd), EVFILT_READ, EV_ADD, 0, nullptr);
}

int await_events(int events_fd, struct kevent* events, int room, int64_t ms) {
  struct timespec limit = {static_cast<time_t>(ms / 1000), static_cast<long>(ms % 1000) * 1'000'000};
  int count = kevent(events_fd, nullptr, 0, events, room, ms < 0 ? nullptr : &limit);
  return count < 0 ? -errno : count;
}

}  // namespace procguard
