// What the addon tells of Linux: its kernel, the keeper and the cgroup.
#pragma once

#include <napi.h>

namespace procguard {

void export_platform(Napi::Env env, Napi::Object exports);

}  // namespace procguard
