#include "exports.h"

#include <string>
#include <vector>

#include "cgroup.h"
#include "exec.h"
#include "guard_state.h"
#include "identity.h"
#include "kernel.h"

namespace procguard {

namespace {

Napi::Value get_features(const Napi::CallbackInfo& info) {
  Napi::Object result = Napi::Object::New(info.Env());
  result["pidfd"] = features().pidfd;
  result["pidfdSignal"] = features().pidfd_signal;
  result["waitidPidfd"] = features().waitid_pidfd;
  result["clone3"] = features().clone3;
  result["sharedChild"] = features().shared_child;
  result["pdeathsig"] = features().pdeathsig;
  return result;
}

Napi::Value get_host_identity(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), host_identity());
}

Napi::Value start(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), start_guard(info[0].As<Napi::String>()));
}

Napi::Value get_status(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  GuardStatus status = guard_status();
  Napi::Object result = Napi::Object::New(env);
  result["keeper"] = status.keeper;
  result["keeperPid"] = Napi::Number::New(env, status.keeper_pid);
  result["keeperRestarts"] = Napi::Number::New(env, status.keeper_restarts);
  result["keeperError"] = Napi::Number::New(env, status.keeper_error);
  result["cgroup"] = status.cgroup;
  if (status.cgroup_reason != nullptr) result["cgroupReason"] = status.cgroup_reason;
  result["cgroupError"] = Napi::Number::New(env, status.cgroup_error);
  return result;
}

Napi::Value get_own_cgroup(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), own_cgroup_directory());
}

// exec(program, args, ownArgs) → -errno, if it returns
Napi::Value exec(const Napi::CallbackInfo& info) {
  std::vector<std::string> args;
  Napi::Array given = info[1].As<Napi::Array>();
  for (uint32_t i = 0; i < given.Length(); i++) {
    Napi::Value arg = given[i];
    args.push_back(arg.As<Napi::String>());
  }
  int error = replace_process(info[0].As<Napi::String>(), args, info[2].As<Napi::Number>().Uint32Value());
  return Napi::Number::New(info.Env(), error);
}

}  // namespace

void export_platform(Napi::Env env, Napi::Object exports) {
  // Tried now, while there are descriptors to try with: the answers hold for the life of the process.
  features();
  host_identity();
  exports["features"] = Napi::Function::New<get_features>(env);
  exports["hostIdentity"] = Napi::Function::New<get_host_identity>(env);
  exports["startGuard"] = Napi::Function::New<start>(env);
  exports["guardStatus"] = Napi::Function::New<get_status>(env);
  exports["exec"] = Napi::Function::New<exec>(env);
  exports["ownCgroup"] = Napi::Function::New<get_own_cgroup>(env);
}

}  // namespace procguard
