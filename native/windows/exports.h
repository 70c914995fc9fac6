// What the addon tells of Windows.
#pragma once

#include <napi.h>

namespace procguard {

void export_platform(Napi::Env env, Napi::Object exports);

}  // namespace procguard
