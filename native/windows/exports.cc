#include "exports.h"

#include <uv.h>

#include "launch.h"

namespace procguard {

namespace {

// 0, or an error of Windows: no jobs can be made.
Napi::Value get_job_error(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), probe_job());
}

}  // namespace

void export_platform(Napi::Env env, Napi::Object exports) {
  exports["jobError"] = Napi::Function::New<get_job_error>(env);
}

}  // namespace procguard
