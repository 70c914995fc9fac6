#include "snapshot_job.h"

#include <memory>
#include <string>
#include <vector>

#include "guard.h"

namespace procguard {

namespace {

// Takes the snapshot in libuv's pool: on a full machine it opens thousands of files. Plain calls, whose
// status is looked at: the thread that asked may be ending, and then every one of them fails.
struct Snapshot {
  napi_async_work work;
  napi_deferred deferred;
  std::vector<ProcessEntry> table;
  int error;
};

// One line for each process: "pid parent group session start-ticks flags[ mark]".
std::string to_text(const std::vector<ProcessEntry>& table) {
  std::string text;
  for (const ProcessEntry& entry : table) {
    const ProcessStat& stat = entry.stat;
    std::string flags;
    if (is_dead(stat)) flags += 'd';
    if (stat.state == 'T') flags += 's';
    if (stat.is_keeper) flags += 'k';
    if (entry.mark_read != MarkRead::kUnreadable) flags += 'r';
    if (entry.same_namespaces) flags += 'n';
    text += std::to_string(stat.pid) + ' ' + std::to_string(stat.parent) + ' ' + std::to_string(stat.group) +
            ' ' + std::to_string(stat.session) + ' ' + std::to_string(stat.start_ticks) + ' ' + flags + '-';
    if (entry.mark_read == MarkRead::kFound) {
      text += ' ';
      for (char letter : entry.mark) text += letter > ' ' && letter < 127 ? letter : '?';
    }
    text += '\n';
  }
  return text;
}

void finish_snapshot(napi_env env, napi_status, void* data) {
  std::unique_ptr<Snapshot> job(static_cast<Snapshot*>(data));
  napi_value result;
  std::string text = to_text(job->table);
  napi_status made = job->error != 0 ? napi_create_int32(env, job->error, &result)
                                     : napi_create_string_utf8(env, text.data(), text.size(), &result);
  if (made == napi_ok) napi_resolve_deferred(env, job->deferred, result);
  napi_delete_async_work(env, job->work);
}

}  // namespace

Napi::Value take_snapshot(const Napi::CallbackInfo& info) {
  napi_env env = info.Env();
  std::unique_ptr<Snapshot> job(new Snapshot());
  napi_value promise, name;
  if (napi_create_promise(env, &job->deferred, &promise) != napi_ok ||
      napi_create_string_utf8(env, "procguard:snapshot", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_create_async_work(
          env, nullptr, name,
          [](napi_env, void* data) {
            Snapshot* self = static_cast<Snapshot*>(data);
            self->error = snapshot(&self->table);
          },
          finish_snapshot, job.get(), &job->work) != napi_ok)
    return info.Env().Undefined();
  if (napi_queue_async_work(env, job->work) == napi_ok) job.release();
  return Napi::Value(env, promise);
}

}  // namespace procguard
