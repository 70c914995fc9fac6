// kqueue and kevent over epoll and pidfds.
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <map>
#include <mutex>
#include <utility>

#include "proc.h"

namespace {

struct Note {
  int fd;
  void* data;
};
using Notes = std::map<std::pair<int16_t, uintptr_t>, Note>;

std::mutex mutex;
std::map<int, Notes>& queues = *new std::map<int, Notes>();

// What a sandbox or a full kernel could answer, on request: an errno.
int forced_error(const char* variable) {
  const char* text = getenv(variable);
  return text == nullptr ? 0 : atoi(text);
}

int fail(int error) {
  errno = error;
  return -1;
}

void drop(int queue, Notes* notes, Notes::iterator note) {
  epoll_ctl(queue, EPOLL_CTL_DEL, note->second.fd, nullptr);
  if (note->first.first == EVFILT_PROC) close(note->second.fd);
  notes->erase(note);
}

// As macOS: of a process that has ended there is no news any more, also while it is a zombie.
int open_process(uintptr_t pid) {
  int forced = forced_error("PROCGUARD_SHIM_KEVENT_ERROR");
  if (forced != 0) return fail(forced);
  shim::Stat stat;
  if (!shim::read_stat(static_cast<pid_t>(pid), &stat) || stat.is_zombie()) return fail(ESRCH);
  return static_cast<int>(syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0));
}

int add(int queue, Notes* notes, const struct kevent& change) {
  auto key = std::make_pair(change.filter, change.ident);
  auto known = notes->find(key);
  if (known != notes->end()) {
    known->second.data = change.udata;
    return 0;
  }
  int forced = change.filter == EVFILT_READ ? forced_error("PROCGUARD_SHIM_READ_ERROR") : 0;
  if (forced != 0) return fail(forced);
  int fd = change.filter == EVFILT_PROC ? open_process(change.ident) : static_cast<int>(change.ident);
  if (fd < 0) return -1;
  struct epoll_event event = {};
  event.events = EPOLLIN;
  event.data.u64 = static_cast<uint64_t>(static_cast<uint16_t>(change.filter)) << 32 | change.ident;
  if (epoll_ctl(queue, EPOLL_CTL_ADD, fd, &event) != 0) return -1;
  (*notes)[key] = {fd, change.udata};
  return 0;
}

int apply(int queue, const struct kevent& change) {
  std::lock_guard<std::mutex> lock(mutex);
  Notes* notes = &queues[queue];
  if (change.flags & EV_ADD) return add(queue, notes, change);
  auto note = notes->find({change.filter, change.ident});
  if (note == notes->end()) return fail(ENOENT);
  drop(queue, notes, note);
  return 0;
}

// False: somebody else has taken the note back.
bool report(int queue, const struct epoll_event& ready, struct kevent* event) {
  std::lock_guard<std::mutex> lock(mutex);
  Notes* notes = &queues[queue];
  int16_t filter = static_cast<int16_t>(ready.data.u64 >> 32);
  auto note = notes->find({filter, static_cast<uint32_t>(ready.data.u64)});
  if (note == notes->end()) return false;
  *event = {note->first.second, filter, 0, 0, 0, note->second.data};
  if (filter == EVFILT_PROC) {
    event->flags = EV_EOF | EV_ONESHOT;
    event->fflags = NOTE_EXIT;
    drop(queue, notes, note);
  } else if (ready.events & EPOLLHUP) {
    event->flags = EV_EOF;
  }
  return true;
}

}  // namespace

int kqueue() {
  int forced = forced_error("PROCGUARD_SHIM_KQUEUE_ERROR");
  if (forced != 0) return fail(forced);
  int fd = epoll_create1(0);
  std::lock_guard<std::mutex> lock(mutex);
  // A queue is closed like any descriptor, and its number used again; its notes are gone by then.
  for (auto& [key, note] : queues[fd]) {
    if (key.first == EVFILT_PROC) close(note.fd);
  }
  queues.erase(fd);
  return fd;
}

int kevent(int queue, const struct kevent* changes, int change_count, struct kevent* events, int room,
           const struct timespec* limit) {
  for (int i = 0; i < change_count; i++) {
    if (apply(queue, changes[i]) != 0) return -1;
  }
  if (room == 0) return 0;
  int64_t ms = limit == nullptr ? -1 : limit->tv_sec * 1000 + (limit->tv_nsec + 999'999) / 1'000'000;
  struct epoll_event ready[64];
  int count = epoll_wait(queue, ready, room < 64 ? room : 64, static_cast<int>(ms));
  int reported = 0;
  for (int i = 0; i < count; i++) {
    if (report(queue, ready[i], &events[reported])) reported++;
  }
  return count < 0 ? -1 : reported;
}
