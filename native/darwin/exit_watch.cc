#include "exit_watch.h"

#include <errno.h>
#include <sys/event.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "adopted_children.h"
#include "guard_state.h"
#include "process_events.h"
#include "processes.h"

namespace procguard {

namespace {

constexpr uint64_t kLookAgainMs = 1;

void drop(std::vector<Watched*>* list, Watched* process) {
  list->erase(std::remove(list->begin(), list->end(), process), list->end());
}

template <typename Handle>
uv_handle_t* as_handle(Handle* handle) {
  return reinterpret_cast<uv_handle_t*>(handle);
}

}  // namespace

int ExitWatch::create(uv_loop_t* loop, ExitWatch** made) {
  int fd = open_events();
  if (fd < 0) return fd;
  ExitWatch* self = new ExitWatch();
  self->events_fd_ = fd;
  int error = uv_poll_init(loop, &self->poll_, fd);
  if (error != 0) {
    ::close(fd);
    delete self;
    return error;
  }
  // These three can't fail.
  uv_check_init(loop, &self->check_);
  uv_idle_init(loop, &self->idle_);
  uv_timer_init(loop, &self->again_);
  self->open_handles_ = 4;
  self->poll_.data = self->check_.data = self->idle_.data = self->again_.data = self;
  error = uv_poll_start(&self->poll_, UV_READABLE, [](uv_poll_t* handle, int, int) {
    static_cast<ExitWatch*>(handle->data)->collect();
  });
  self->for_each_handle([](uv_handle_t* handle) { uv_unref(handle); });
  if (error != 0) {
    self->close([] {});
    return error;
  }
  *made = self;
  return 0;
}

int ExitWatch::add(Watched* process) {
  int error = process->is_child ? watch_end(events_fd_, process->pid, nullptr) : watch_stranger(process);
  bool is_ending = process->is_child && error == -ESRCH;
  if (error != 0 && !is_ending) return error;
  process->order = ++last_order_;
  process->watched = true;
  watched_.push_back(process);
  by_pid_.emplace(process->pid, process);
  if (process->referenced) count_reference(1);
  // A child that ended before it could be watched is there to be reaped, and no event tells of it.
  if (is_ending) {
    make_ready(process->pid);
    uv_idle_start(&idle_, [](uv_idle_t*) {});
  }
  return 0;
}

int ExitWatch::watch_stranger(Watched* process) {
  int error = watch_end(events_fd_, process->pid, nullptr);
  // Looked at after the watch began: what has this pid now is what will be told of, or both are gone.
  if (error == 0) error = check_identity(process->pid, process->start_ticks);
  if (error != 0 && by_pid_.count(process->pid) == 0) unwatch_end(events_fd_, process->pid);
  return error;
}

void ExitWatch::remove(Watched* process) {
  if (!process->watched) return;
  drop(&ready_, process);
  release(process);
}

// Out of every list but ready_.
void ExitWatch::release(Watched* process) {
  process->watched = false;
  forget(process);
  drop(&watched_, process);
  if (process->referenced) count_reference(-1);
}

void ExitWatch::forget(Watched* process) {
  auto [at, end] = by_pid_.equal_range(process->pid);
  at = std::find_if(at, end, [process](const auto& entry) { return entry.second == process; });
  if (at == end) return;
  by_pid_.erase(at);
  if (by_pid_.count(process->pid) == 0) unwatch_end(events_fd_, process->pid);
}

void ExitWatch::set_referenced(Watched* process, bool referenced) {
  if (process->referenced == referenced) return;
  process->referenced = referenced;
  if (process->watched) count_reference(referenced ? 1 : -1);
}

void ExitWatch::count_reference(int change) {
  int before = references_;
  references_ += change;
  if ((before == 0) == (references_ == 0)) return;
  if (references_ > 0)
    for_each_handle([](uv_handle_t* handle) { uv_ref(handle); });
  else
    for_each_handle([](uv_handle_t* handle) { uv_unref(handle); });
}

void ExitWatch::for_each_handle(void (*apply)(uv_handle_t* handle)) {
  apply(as_handle(&poll_));
  apply(as_handle(&check_));
  apply(as_handle(&idle_));
  apply(as_handle(&again_));
}

void ExitWatch::collect() {
  struct kevent events[64];
  int count;
  do {
    count = await_events(events_fd_, events, 64, 0);
    for (int i = 0; i < count; i++) make_ready(static_cast<pid_t>(events[i].ident));
  } while (count == 64);
}

// libuv reaps after everything else that one poll brought, so that a child's last output comes before its
// exit. The check phase, which follows the poll, keeps that order.
void ExitWatch::make_ready(pid_t pid) {
  auto [at, end] = by_pid_.equal_range(pid);
  for (; at != end; ++at) ready_.push_back(at->second);
  by_pid_.erase(pid);
  if (!ready_.empty()) deliver_soon();
}

void ExitWatch::deliver_soon() {
  uv_check_start(&check_, [](uv_check_t* handle) { static_cast<ExitWatch*>(handle->data)->deliver(); });
}

void ExitWatch::deliver() {
  uv_check_stop(&check_);
  uv_idle_stop(&idle_);
  std::sort(ready_.begin(), ready_.end(), [](Watched* a, Watched* b) { return a->order > b->order; });
  std::vector<std::pair<Watched*, uint64_t>> ending;
  // A callback may remove others from the list, or add to it.
  while (!ready_.empty()) {
    Watched* process = ready_.back();
    ready_.pop_back();
    Ending how = {};
    int reaped = process->is_child ? reap(process->pid, true, &how) : 1;
    if (reaped == 0) {
      // The event comes while the process is ending: until that is done, there is nothing to reap.
      ending.emplace_back(process, process->order);
      continue;
    }
    release(process);
    return_slot(process->slot);
    process->slot = nullptr;
    process->ended(reaped == 1 && process->is_child, how);
  }
  for (auto [process, order] : ending) {
    // A callback may have removed it, and another may have got its address.
    bool is_watched = std::find(watched_.begin(), watched_.end(), process) != watched_.end();
    if (is_watched && process->order == order) ready_.push_back(process);
  }
  if (ready_.empty()) return;
  uv_timer_start(
      &again_, [](uv_timer_t* timer) { static_cast<ExitWatch*>(timer->data)->deliver(); }, kLookAgainMs, 0);
}

void ExitWatch::close(std::function<void()> done) {
  closed_ = std::move(done);
  while (!watched_.empty()) {
    Watched* process = watched_.back();
    release(process);
    if (process->is_child) adopt_child(process->pid, process->slot);
    process->slot = nullptr;
  }
  ready_.clear();
  for_each_handle([](uv_handle_t* handle) {
    uv_close(handle, [](uv_handle_t* gone) {
      ExitWatch* self = static_cast<ExitWatch*>(gone->data);
      if (--self->open_handles_ > 0) return;
      ::close(self->events_fd_);
      std::function<void()> closed = std::move(self->closed_);
      delete self;
      closed();
    });
  });
}

}  // namespace procguard
