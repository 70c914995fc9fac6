// One child's start, and the signals that it gets.
#pragma once

#include "exit_watch.h"
#include "launch.h"

namespace procguard {

// A pair of connected streams that no other program inherits: the host's end first. 0 or -errno.
int make_stream_pair(int ends[2]);

// The environment that a child gets where none is given.
char** host_environment();

struct ChildGuard {
  bool tree;  // its descendants die with the host, too
  uint32_t grace_ms;
};

// What a child lacks that runs all the same; negative errnos.
struct ChildWeakness {
  int cgroup_error = 0;  // why it was not born in the host's cgroup
  int link_error = 0;    // why the kernel won't send it the death signal
};

// Starts it, from a thread that never ends, and fills in `process`, but for `ended`. 0 or -errno.
int start_child(LaunchPlan& plan, const ChildGuard& guard, Watched* process, ChildWeakness* weakness);

// Of a process that is not our child. 0 or -errno.
int open_stranger(pid_t pid, uint64_t start_ticks, Watched* process);

// 0 or -errno.
int signal_watched(const Watched& process, int signal);

// Of one that can't be watched: a child is killed, since nobody would ever hear of its end.
void abandon(Watched* process);

}  // namespace procguard
