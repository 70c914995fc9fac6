#include "exports.h"

#include <uv.h>

#include <algorithm>
#include <string>

#include "job.h"
#include "launch.h"
#include "process_table.h"

namespace procguard {

namespace {

// 0, or an error of Windows: no child can be put into a job.
Napi::Value get_job_error(const Napi::CallbackInfo& info) {
  static const DWORD error = probe_job();
  return Napi::Number::New(info.Env(), error);
}

// programOf(pid, startTicks), commandLineOf(pid, startTicks) → a text or a libuv error
template <int (*read)(DWORD pid, uint64_t start_ticks, std::wstring* text)>
Napi::Value get_text(const Napi::CallbackInfo& info) {
  std::wstring text;
  int error = read(info[0].As<Napi::Number>().Uint32Value(),
                   static_cast<uint64_t>(info[1].As<Napi::Number>().Int64Value()), &text);
  if (error != 0) return Napi::Number::New(info.Env(), error);
  return Napi::String::New(info.Env(), reinterpret_cast<const char16_t*>(text.data()), text.size());
}

// The job of our child with this pid; 0: it has none, has ended, or the pid is a stranger's by now.
uint64_t job_with_root(DWORD root, JobUse* use) {
  uint64_t job = job_of_root(root);
  if (job == 0 || look_into_job(job, use) != 0) return 0;
  bool is_inside = std::find(use->pids.begin(), use->pids.end(), root) != use->pids.end();
  return is_inside ? job : 0;
}

// treePidsOf(pid) → who is in the job of our child with this pid
Napi::Value get_tree_pids(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  JobUse use;
  if (job_with_root(info[0].As<Napi::Number>().Uint32Value(), &use) == 0) use.pids.clear();
  Napi::Array pids = Napi::Array::New(env, use.pids.size());
  for (size_t i = 0; i < use.pids.size(); i++)
    pids[static_cast<uint32_t>(i)] = Napi::Number::New(env, use.pids[i]);
  return pids;
}

// endTreeOf(pid) → 0 or a libuv error
Napi::Value end_tree_of(const Napi::CallbackInfo& info) {
  JobUse use;
  uint64_t job = job_with_root(info[0].As<Napi::Number>().Uint32Value(), &use);
  return Napi::Number::New(info.Env(), job == 0 ? UV_ESRCH : end_job(job));
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
  exports["treePidsOf"] = Napi::Function::New<get_tree_pids>(env);
  exports["endTreeOf"] = Napi::Function::New<end_tree_of>(env);
  exports["commandLineOf"] = Napi::Function::New<get_text<command_line_of>>(env);
  exports["programOf"] = Napi::Function::New<get_text<program_of>>(env);
}

}  // namespace procguard
