#include "exit_watch.h"

#include <algorithm>
#include <memory>

namespace procguard {

int ExitWatch::create(uv_loop_t* loop, ExitWatch** made) {
  std::unique_ptr<ExitWatch> watch(new ExitWatch());
  int error = uv_async_init(loop, &watch->wake_,
                            [](uv_async_t* wake) { static_cast<ExitWatch*>(wake->data)->deliver(); });
  if (error != 0) return error;
  watch->wake_.data = watch.get();
  uv_unref(reinterpret_cast<uv_handle_t*>(&watch->wake_));
  *made = watch.release();
  return 0;
}

int ExitWatch::add(Watched* process) {
  process->watch = this;
  process->order = ++last_order_;
  if (!RegisterWaitForSingleObject(&process->wait, process->process, note_end, process, INFINITE,
                                   WT_EXECUTEINWAITTHREAD | WT_EXECUTEONLYONCE))
    return uv_translate_sys_error(GetLastError());
  process->watched = true;
  watched_.push_back(process);
  if (process->referenced) count_reference(1);
  return 0;
}

void CALLBACK ExitWatch::note_end(void* data, BOOLEAN) {
  Watched* process = static_cast<Watched*>(data);
  ExitWatch* watch = process->watch;
  AcquireSRWLockExclusive(&watch->lock_);
  watch->ready_.emplace_back(process, process->order);
  ReleaseSRWLockExclusive(&watch->lock_);
  uv_async_send(&watch->wake_);
}

void ExitWatch::deliver() {
  std::vector<std::pair<Watched*, uint64_t>> ready;
  AcquireSRWLockExclusive(&lock_);
  ready.swap(ready_);
  ReleaseSRWLockExclusive(&lock_);
  for (auto [process, order] : ready) {
    // A listener before it may have let go of this one.
    if (std::find(watched_.begin(), watched_.end(), process) == watched_.end() || process->order != order)
      continue;
    release(process);
    process->ended();
  }
}

void ExitWatch::remove(Watched* process) {
  if (process->watched) release(process);
}

void ExitWatch::release(Watched* process) {
  // Blocks until note_end isn't running, and it won't any more; it takes the lock, so not under it.
  UnregisterWaitEx(process->wait, INVALID_HANDLE_VALUE);
  process->wait = nullptr;
  process->watched = false;
  AcquireSRWLockExclusive(&lock_);
  ready_.erase(std::remove_if(ready_.begin(), ready_.end(),
                              [process](const auto& entry) { return entry.first == process; }),
               ready_.end());
  ReleaseSRWLockExclusive(&lock_);
  watched_.erase(std::remove(watched_.begin(), watched_.end(), process), watched_.end());
  if (process->referenced) count_reference(-1);
}

void ExitWatch::set_referenced(Watched* process, bool referenced) {
  if (!process->watched || process->referenced == referenced) return;
  process->referenced = referenced;
  count_reference(referenced ? 1 : -1);
}

void ExitWatch::count_reference(int change) {
  references_ += change;
  uv_handle_t* handle = reinterpret_cast<uv_handle_t*>(&wake_);
  if (references_ > 0)
    uv_ref(handle);
  else
    uv_unref(handle);
}

void ExitWatch::close(std::function<void()> done) {
  while (!watched_.empty()) release(watched_.back());
  closed_ = std::move(done);
  uv_close(reinterpret_cast<uv_handle_t*>(&wake_), [](uv_handle_t* handle) {
    ExitWatch* watch = static_cast<ExitWatch*>(handle->data);
    std::function<void()> closed = std::move(watch->closed_);
    delete watch;
    closed();
  });
}

}  // namespace procguard
