// Module init and what every system offers. What a call does stands in guard.h.
#include <napi.h>

#include "guard.h"
#include "guarded_process.h"
#include "loop_watch.h"
#include "node_handle.h"
#include "sample_job.h"
#include "snapshot_job.h"

namespace procguard {

namespace {

// signal(pid, startTicks, signal) → 0 or -errno
Napi::Value signal_process(const Napi::CallbackInfo& info) {
  int error = send_signal(info[0].As<Napi::Number>().Int32Value(),
                          static_cast<uint64_t>(info[1].As<Napi::Number>().Int64Value()),
                          info[2].As<Napi::Number>().Int32Value());
  return Napi::Number::New(info.Env(), error);
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new Instance());
  export_platform(env, exports);
  exports["GuardedProcess"] = define_guarded_process(env);
  exports["sample"] = Napi::Function::New<take_sample>(env);
  exports["startTicksOfChild"] = Napi::Function::New<get_start_ticks_of_child>(env);
  exports["snapshot"] = Napi::Function::New<take_snapshot>(env);
  exports["closeRefused"] = Napi::Function::New<close_refused>(env);
  exports["signal"] = Napi::Function::New<signal_process>(env);
  return exports;
}

}  // namespace

}  // namespace procguard

namespace {
Napi::Object InitAll(Napi::Env env, Napi::Object exports) {
  return procguard::init(env, exports);
}
}  // namespace

NODE_API_MODULE(procguard, InitAll)
