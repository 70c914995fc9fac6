// The process table for JavaScript.
#pragma once

#include <napi.h>

namespace procguard {

// snapshot() → promise of a line for each process, or of -errno.
Napi::Value take_snapshot(const Napi::CallbackInfo& info);

}  // namespace procguard
