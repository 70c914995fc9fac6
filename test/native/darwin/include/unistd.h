// macOS's unistd.h, for tests on Linux; see ../README.md.
#pragma once

#include_next <unistd.h>

#define pipe(ends) shim_pipe(ends)
extern "C" int shim_pipe(int ends[2]);
