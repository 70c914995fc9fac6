// kqueue, as it is used here: ends of processes, and descriptors that can be read.
#pragma once

#include <stdint.h>
#include <sys/types.h>

struct kevent;

namespace procguard {

// A new kqueue that closes on exec; -errno.
int open_events();

// Asks for one event at the end of the process. 0 or -errno: -ESRCH, and nothing else, says that there is no
// such process, or that it is ending: then no event comes any more.
int watch_end(int events_fd, pid_t pid, void* data);
void unwatch_end(int events_fd, pid_t pid);

// 0 or -errno.
int watch_readable(int events_fd, int fd);

// Waits for at most `ms` milliseconds, or for ever below 0. How many events there are, or -errno.
int await_events(int events_fd, struct kevent* events, int room, int64_t ms);

}  // namespace procguard
