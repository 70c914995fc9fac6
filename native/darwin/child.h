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

// What a child lacks that runs all the same: nothing that this system has.
struct ChildWeakness {
  int cgroup_error = 0;
  int link_error = 0;
};

// Starts it and fills in `process`, but for `ended`. 0 or -errno.
int start_child(LaunchPlan& plan, const ChildGuard& guard, Watched* process, ChildWeakness* weakness);

// Of a process that is not our child. 0 or -errno.
int open_stranger(pid_t pid, uint64_t start_ticks, Watched* process);

// 0 or -errno.
int signal_watched(const Watched& process, int signal);

// Of one that can't be watched: a child is killed, since nobody would ever hear of its end.
void abandon(Watched* process);

}  // namespace procguard
