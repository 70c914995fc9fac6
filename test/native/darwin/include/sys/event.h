// A part of macOS's sys/event.h, for tests on Linux; see ../../README.md.
#pragma once

#include <stdint.h>
#include <time.h>

struct kevent {
  uintptr_t ident;
  int16_t filter;
  uint16_t flags;
  uint32_t fflags;
  intptr_t data;
  void* udata;
};

constexpr int16_t EVFILT_READ = -1;
constexpr int16_t EVFILT_PROC = -5;
constexpr uint16_t EV_ADD = 0x0001;
constexpr uint16_t EV_DELETE = 0x0002;
constexpr uint16_t EV_ONESHOT = 0x0010;
constexpr uint16_t EV_EOF = 0x8000;
constexpr uint32_t NOTE_EXIT = 0x80000000;

#define EV_SET(kev, id, filt, what, more, extra, own)                                                    \
  (*(kev) = {(id), static_cast<int16_t>(filt), static_cast<uint16_t>(what), static_cast<uint32_t>(more), \
             (extra), (own)})

int kqueue();
int kevent(int queue, const struct kevent* changes, int change_count, struct kevent* events, int room,
           const struct timespec* limit);
