// One child's start, and the signals that it gets: what Linux and macOS each do in a way of their own.
#pragma once

#if defined(__APPLE__) || defined(PROCGUARD_DARWIN)
#include "darwin/exit_watch.h"
#include "darwin/launch.h"
#else
#include "linux/exit_watch.h"
#include "linux/launch.h"
#endif

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
  int cgroup_error = 0;    // Linux: why it was not born in the host's cgroup
  int link_error = 0;      // Linux: why the kernel won't send it the death signal
  int registry_error = 0;  // macOS: why the keeper couldn't be told of it
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
