// Waits for the host's death.
#pragma once

#include <stdint.h>
#include <sys/types.h>

namespace procguard {

// Returns when the host is dead: its end of the line has closed, or the kernel says that the process has
// ended. Of the errors of the latter only "no such process" is an answer; with any other, the line tells.
void outlive_host(pid_t host, uint64_t start_ticks, int line_fd);

}  // namespace procguard
