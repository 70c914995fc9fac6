#include "node_handle.h"

#include <uv.h>

namespace procguard {

namespace {

// A loop's list of handles: struct uv__queue in libuv 1.47 and later, an array of two pointers before.
struct Link {
  Link* next;
  Link* previous;
};
static_assert(sizeof(Link) == sizeof(static_cast<uv_handle_t*>(nullptr)->handle_queue),
              "libuv's list has changed");

Link* link_of(uv_handle_t* handle) {
  return reinterpret_cast<Link*>(&handle->handle_queue);
}

}  // namespace

Napi::Value close_refused(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  uv_loop_t* loop;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return env.Undefined();
  uv_handle_t* before = loop->closing_handles;
  info[0].As<Napi::Function>().Call({});
  // The last handle that was closed is the first in the list.
  uv_handle_t* closed = loop->closing_handles;
  if (closed == nullptr || closed == before || closed->type != UV_PROCESS || closed->next_closing != before)
    return env.Undefined();
  Link* link = link_of(closed);
  if (link->previous->next == link) return env.Undefined();
  Link* list = reinterpret_cast<Link*>(&loop->handle_queue);
  link->next = list;
  link->previous = list->previous;
  list->previous->next = link;
  list->previous = link;
  return env.Undefined();
}

}  // namespace procguard
