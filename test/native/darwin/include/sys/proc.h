// A part of macOS's sys/proc.h, for tests on Linux; see ../../README.md.
#pragma once

#include <sys/types.h>

constexpr int SIDL = 1, SRUN = 2, SSLEEP = 3, SSTOP = 4, SZOMB = 5;
constexpr int MAXCOMLEN = 16;
constexpr int P_EXEC = 0x4000;
