// The clocks of macOS, for tests on Linux; see ../README.md.
#pragma once

#include_next <time.h>

#define CLOCK_UPTIME_RAW CLOCK_MONOTONIC_RAW
#define clock_gettime shim_clock_gettime
extern "C" int shim_clock_gettime(clockid_t clock, struct timespec* now);
