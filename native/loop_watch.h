// The ExitWatch of a JavaScript thread.
#pragma once

#include <napi.h>

#include "guard.h"

namespace procguard {

// One JavaScript thread's share of the addon.
struct Instance {
  ExitWatch* watch = nullptr;
};

// This thread's ExitWatch, made when first asked for. 0 or -errno.
int watch_of(napi_env env, ExitWatch** watch);

}  // namespace procguard
