// The JavaScript class of one process that is started or watched.
#pragma once

#include <napi.h>

namespace procguard {

Napi::Function define_guarded_process(Napi::Env env);

}  // namespace procguard
