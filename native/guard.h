// clang-format off
// The contract that the addon expects of an operating system. One folder per system implements it; the
// files beside this one know no policy.
//
//   features()     what this kernel and sandbox allow, found by trying, once.
//   start_guard()  before the first child: registry, cgroup and keeper. Calling it again is free.
//   launch()       start one child that cannot outlive this process; blocks until it runs its program or failed to.
//                  Safe from any thread; a child's life never depends on the calling thread's.
//   ExitWatch      per JavaScript thread: says, in that thread's loop, that a process has ended.
//   snapshot()     every process that can be seen, with the mark it carries.
//   sample()       what some processes, or their trees, use and do.
//   replace_process()  another program in this process, with nothing of Node's left to it.
//   send_signal()  to one process, identified by pid and start time together, never by pid alone.
//
// Errors are negative errno values, as libuv has them. Nothing here throws.
// clang-format on
#pragma once

#include "linux/cgroup.h"
#include "linux/exec.h"
#include "linux/exit_watch.h"
#include "linux/guard_state.h"
#include "linux/identity.h"
#include "linux/kernel.h"
#include "linux/launch.h"
#include "linux/process_table.h"
#include "linux/sample.h"
#include "linux/spawner.h"
