// A part of macOS's mach/mach_time.h, for tests on Linux; see ../../README.md.
#pragma once

#include <stdint.h>

struct mach_timebase_info_data_t {
  uint32_t numer, denom;
};
int mach_timebase_info(mach_timebase_info_data_t* info);
