#include "exports.h"

#include <dlfcn.h>
#include <unistd.h>

#include "guard_state.h"
#include "identity.h"
#include "inherited.h"
#include "processes.h"
#include "started_with.h"
#include "usage.h"

namespace procguard {

namespace {

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
  result["listError"] = Napi::Number::New(env, status.list_error);
  result["cgroup"] = "";
  result["cgroupError"] = Napi::Number::New(env, 0);
  return result;
}

Napi::Value get_own_cgroup(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), "");
}

Napi::Value get_boot_id(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), boot_id());
}

// argumentsOf(pid) → what it was started with; empty: it may not be looked at, or has ended
Napi::Value get_arguments(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Napi::Array result = Napi::Array::New(env);
  StartedWith reader;
  if (reader.read(info[0].As<Napi::Number>().Int32Value()) != 0) return result;
  uint32_t count = 0;
  while (const char* argument = reader.next_argument()) result.Set(count++, Napi::String::New(env, argument));
  return result;
}

// footprintOf(pid) → bytes; 0: it may not be looked at, or has ended
Napi::Value get_footprint(const Napi::CallbackInfo& info) {
  Usage usage = {};
  read_usage(info[0].As<Napi::Number>().Int32Value(), &usage);
  return Napi::Number::New(info.Env(), static_cast<double>(usage.footprint_bytes));
}

// hidesMark(pid) → whether a process of ours doesn't show the environment that it was started with
Napi::Value get_hides_mark(const Napi::CallbackInfo& info) {
  StartedWith reader;
  char mark[kMarkBytes];
  bool is_read = reader.read(info[0].As<Napi::Number>().Int32Value()) == 0;
  return Napi::Boolean::New(info.Env(), is_read && reader.mark(mark) == MarkRead::kUnreadable);
}

// isMadeBy(pid) → whether this process was made by the one with this pid; undefined: it can't be told
Napi::Value get_is_made_by(const Napi::CallbackInfo& info) {
  Lineage own = {}, maker = {};
  bool is_known = read_lineage(getpid(), &own) && own.parents != 0 &&
                  read_lineage(info[0].As<Napi::Number>().Int32Value(), &maker);
  if (!is_known) return info.Env().Undefined();
  return Napi::Boolean::New(info.Env(), own.parents == maker.own);
}

// inheritedDescriptors() → the descriptors above 2 that the parent gave
Napi::Value get_inherited(const Napi::CallbackInfo& info) {
  Napi::Array result = Napi::Array::New(info.Env());
  uint32_t count = 0;
  for (int fd : inherited_descriptors()) result.Set(count++, Napi::Number::New(info.Env(), fd));
  return result;
}

// The keeper's thread outlives a Worker that has loaded the addon: its code must stay. The linker of macOS
// has no flag for it.
void stay_loaded() {
  Dl_info own;
  if (dladdr(reinterpret_cast<const void*>(&stay_loaded), &own) != 0)
    dlopen(own.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

}  // namespace

void export_platform(Napi::Env env, Napi::Object exports) {
  stay_loaded();
  exports["hostIdentity"] = Napi::Function::New<get_host_identity>(env);
  exports["startGuard"] = Napi::Function::New<start>(env);
  exports["guardStatus"] = Napi::Function::New<get_status>(env);
  exports["ownCgroup"] = Napi::Function::New<get_own_cgroup>(env);
  Napi::Object darwin = Napi::Object::New(env);
  darwin["bootId"] = Napi::Function::New<get_boot_id>(env);
  darwin["argumentsOf"] = Napi::Function::New<get_arguments>(env);
  darwin["footprintOf"] = Napi::Function::New<get_footprint>(env);
  darwin["hidesMark"] = Napi::Function::New<get_hides_mark>(env);
  darwin["isMadeBy"] = Napi::Function::New<get_is_made_by>(env);
  darwin["inheritedDescriptors"] = Napi::Function::New<get_inherited>(env);
  exports["darwin"] = darwin;
}

}  // namespace procguard
