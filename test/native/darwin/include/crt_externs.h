// A part of macOS's crt_externs.h, for tests on Linux; see ../README.md.
#pragma once

#include <unistd.h>

inline char*** _NSGetEnviron() {
  return &environ;
}
