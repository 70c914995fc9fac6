#include "exports.h"

#include <uv.h>

#include <string>

#include "launch.h"
#include "process_table.h"

namespace procguard {

namespace {

// 0, or an error of Windows: no jobs can be made.
Napi::Value get_job_error(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), probe_job());
}

// programOf(pid, startTicks) → a path or a libuv error
Napi::Value get_program(const Napi::CallbackInfo& info) {
  std::wstring path;
  int error = program_of(info[0].As<Napi::Number>().Uint32Value(),
                         static_cast<uint64_t>(info[1].As<Napi::Number>().Int64Value()), &path);
  if (error != 0) return Napi::Number::New(info.Env(), error);
  return Napi::String::New(info.Env(), reinterpret_cast<const char16_t*>(path.data()), path.size());
}

// The jobs outlive a Worker that has loaded the addon, so its code and data must stay.
void stay_loaded() {
  HMODULE pinned;
  GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS,
                     reinterpret_cast<LPCWSTR>(&stay_loaded), &pinned);
}

}  // namespace

void export_platform(Napi::Env env, Napi::Object exports) {
  stay_loaded();
  exports["jobError"] = Napi::Function::New<get_job_error>(env);
  exports["programOf"] = Napi::Function::New<get_program>(env);
}

}  // namespace procguard
