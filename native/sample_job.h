// Samples of processes for JavaScript.
#pragma once

#include <napi.h>

namespace procguard {

// sample(processes, trees) → promise of a Float64Array, or of -errno. `processes` is a Float64Array with pid,
// start ticks and child number of each. See lib/health/sample.ts for the columns of the answer.
Napi::Value take_sample(const Napi::CallbackInfo& info);

// startTicksOfChild(pid) → when it was started, or 0
Napi::Value get_start_ticks_of_child(const Napi::CallbackInfo& info);

}  // namespace procguard
