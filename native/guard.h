// clang-format off
// The contract that the addon expects of an operating system. One folder per system implements it; the
// files beside this one know no policy.
//
//   export_platform()  what the system offers besides, under names of its own: how its guard is started and stands.
//   define_guarded_process()  the class of one child that can't outlive this process, or of a process that is watched.
//                  A start blocks until the child runs its program or failed to. Safe from any thread; a child's
//                  life never depends on the calling thread's.
//   ExitWatch      per JavaScript thread: says, in that thread's loop, that a process has ended.
//   snapshot()     every process that can be seen, with the mark it carries.
//   sample()       what some processes, or their trees, use and do.
//   send_signal()  to one process, identified by pid and start time together, never by pid alone.
//
// Errors are negative, as libuv has them. Nothing here throws.
// clang-format on
#pragma once

#ifdef _WIN32
#include "windows/exit_watch.h"
#include "windows/exports.h"
#include "windows/launch.h"
#include "windows/process_table.h"
#include "windows/sample.h"
#elif defined(__APPLE__) || defined(PROCGUARD_DARWIN)
#include "darwin/exports.h"
#include "darwin/guard_state.h"
#include "darwin/identity.h"
#include "darwin/process_table.h"
#include "darwin/sample.h"
#include "posix/child.h"
#else
#include "linux/cgroup.h"
#include "linux/exec.h"
#include "linux/exit_watch.h"
#include "linux/exports.h"
#include "linux/guard_state.h"
#include "linux/identity.h"
#include "linux/kernel.h"
#include "linux/launch.h"
#include "linux/process_table.h"
#include "linux/sample.h"
#include "linux/spawner.h"
#include "posix/child.h"
#endif
