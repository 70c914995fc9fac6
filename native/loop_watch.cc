#include "loop_watch.h"

namespace procguard {

namespace {

void close_watch(napi_async_cleanup_hook_handle handle, void* data) {
  ExitWatch* watch = static_cast<ExitWatch*>(data);
  watch->close([handle] { napi_remove_async_cleanup_hook(handle); });
}

}  // namespace

int watch_of(napi_env env, ExitWatch** watch) {
  Instance* instance = Napi::Env(env).GetInstanceData<Instance>();
  if (instance->watch == nullptr) {
    uv_loop_t* loop;
    if (napi_get_uv_event_loop(env, &loop) != napi_ok) return UV_ENOSYS;
    int error = ExitWatch::create(loop, &instance->watch);
    if (error != 0) return error;
    // The thread's loop lives until this hook says that the watch has let go of it.
    if (napi_add_async_cleanup_hook(env, close_watch, instance->watch, nullptr) != napi_ok) {
      instance->watch->close([] {});
      instance->watch = nullptr;
      return UV_ENOMEM;
    }
  }
  *watch = instance->watch;
  return 0;
}

}  // namespace procguard
