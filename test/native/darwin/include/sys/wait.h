// macOS's sys/wait.h, for tests on Linux; see ../../README.md.
#pragma once

#include_next <sys/wait.h>

#define waitpid shim_waitpid
pid_t shim_waitpid(pid_t pid, int* status, int options);
