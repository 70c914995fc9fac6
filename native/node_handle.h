// Keeps Node's own handle of a guarded child freeable.
#pragma once

#include <napi.h>

namespace procguard {

// closeRefused(close): calls close(), which closes the handle of a process that libuv has refused to start.
// From 1.52 on libuv takes such a handle out of its loop's list at once and leaves it pointing at its former
// neighbors; Node closes it all the same, and at its end it is taken out again, by writing into neighbors
// that may be gone by then. It is put back before that.
Napi::Value close_refused(const Napi::CallbackInfo& info);

}  // namespace procguard
