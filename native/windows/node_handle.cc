#include "../node_handle.h"

namespace procguard {

// On Windows libuv refuses such a process before it has touched more than the handle's own fields.
Napi::Value close_refused(const Napi::CallbackInfo& info) {
  info[0].As<Napi::Function>().Call({});
  return info.Env().Undefined();
}

}  // namespace procguard
