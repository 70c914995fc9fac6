// What the addon tells of macOS: its keeper, and of processes what other systems have in /proc.
#pragma once

#include <napi.h>

namespace procguard {

void export_platform(Napi::Env env, Napi::Object exports);

}  // namespace procguard
