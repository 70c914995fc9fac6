// The immortal thread that starts children for all threads but the process's first.
#pragma once

#include "launch.h"

namespace procguard {

// launch(), from a thread whose end can't kill the child: PDEATHSIG fires when the *thread* that created the
// child ends. The process's first thread lives as long as the process, so it launches by itself and saves two
// thread switches; every other thread hands its plan to the spawner and waits.
int launch_from_immortal_thread(LaunchPlan& plan, Launched* result);

}  // namespace procguard
