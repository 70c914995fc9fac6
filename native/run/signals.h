// Signals of this process: taken one by one, given on to the command, and used to end or stop as the command
// did.
#pragma once

#include <sys/signalfd.h>
#include <sys/types.h>

#include "linux/kernel.h"
#include "run/parent.h"

namespace procguard {

// Blocks all signals and returns the descriptor that they are read from. -errno.
int take_signals();
bool next_signal(int signals_fd, struct signalfd_siginfo* info);

// Whether the command, or its group, has got this signal without us.
bool came_by_itself(const struct signalfd_siginfo& info);
// Whether `pid` descends from this process.
bool is_descendant(pid_t pid);

// Stops this process as the command was stopped; returns when it is continued, or the parent has died.
void stop_like(int stop_signal, const Parent& parent);
[[noreturn]] void end_like(const Ending& ending);

}  // namespace procguard
