#include "exit_watch.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>

#include "adopted_children.h"
#include "guard_state.h"

namespace procguard {

namespace {

void drop(std::vector<Watched*>* list, Watched* process) {
  list->erase(std::remove(list->begin(), list->end(), process), list->end());
}

template <typename Handle>
uv_handle_t* as_handle(Handle* handle) {
  return reinterpret_cast<uv_handle_t*>(handle);
}

}  // namespace

int ExitWatch::create(uv_loop_t* loop, ExitWatch** made) {
  ExitWatch* self = new ExitWatch;
  self->poll_.data = self->check_.data = self->signal_.data = self;
  int error = 0;
  if (features().pidfd) {
    self->epoll_fd_ = epoll_create1(EPOLL_CLOEXEC);
    error = self->epoll_fd_ < 0 ? -errno : uv_poll_init(loop, &self->poll_, self->epoll_fd_);
    if (error != 0) {
      if (self->epoll_fd_ >= 0) ::close(self->epoll_fd_);
      delete self;
      return error;
    }
    self->open_handles_++;
    error = uv_poll_start(&self->poll_, UV_READABLE, [](uv_poll_t* handle, int, int) {
      static_cast<ExitWatch*>(handle->data)->collect_ready();
    });
    uv_unref(as_handle(&self->poll_));
  }
  // These two can't fail.
  uv_check_init(loop, &self->check_);
  uv_unref(as_handle(&self->check_));
  uv_signal_init(loop, &self->signal_);
  self->open_handles_ += 2;
  if (error == 0 && !features().pidfd) error = self->listen_to_sigchld();
  if (error != 0) {
    self->close([] {});
    return error;
  }
  *made = self;
  return 0;
}

int ExitWatch::listen_to_sigchld() {
  if (signal_started_) return 0;
  int error = uv_signal_start(
      &signal_, [](uv_signal_t* handle, int) { static_cast<ExitWatch*>(handle->data)->collect_by_signal(); },
      SIGCHLD);
  if (error != 0) return error;
  signal_started_ = true;
  if (references_ == 0) uv_unref(as_handle(&signal_));
  return 0;
}

int ExitWatch::add(Watched* process) {
  if (process->pidfd >= 0) {
    struct epoll_event event = {};
    event.events = EPOLLIN;
    event.data.ptr = process;
    process->polled = epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, process->pidfd, &event) == 0;
    if (!process->polled) {
      int error = errno;
      // A child must not go unwatched for want of a watch: SIGCHLD tells, too.
      if (!process->is_child || listen_to_sigchld() != 0) return -error;
      by_signal_.push_back(process);
    }
  } else if (process->is_child) {
    int error = listen_to_sigchld();
    if (error != 0) return error;
    by_signal_.push_back(process);
  } else {
    return -ENOSYS;
  }
  process->order = ++last_order_;
  process->watched = true;
  watched_.push_back(process);
  if (process->referenced) count_reference(1);
  return 0;
}

void ExitWatch::remove(Watched* process) {
  if (!process->watched) return;
  drop(&ready_, process);
  release(process);
  if (process->pidfd >= 0) ::close(process->pidfd);
  process->pidfd = -1;
}

// Out of every list but ready_.
void ExitWatch::release(Watched* process) {
  process->watched = false;
  stop_polling(process);
  drop(&watched_, process);
  drop(&by_signal_, process);
  if (process->referenced) count_reference(-1);
}

void ExitWatch::stop_polling(Watched* process) {
  if (process->polled) epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, process->pidfd, nullptr);
  process->polled = false;
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
  auto apply = references_ > 0 ? uv_ref : uv_unref;
  if (epoll_fd_ >= 0) apply(as_handle(&poll_));
  apply(as_handle(&signal_));
}

void ExitWatch::collect_ready() {
  struct epoll_event events[64];
  int count;
  do {
    count = epoll_wait(epoll_fd_, events, 64, 0);
    for (int i = 0; i < count; i++) {
      Watched* process = static_cast<Watched*>(events[i].data.ptr);
      stop_polling(process);
      ready_.push_back(process);
    }
  } while (count == 64);
  if (ready_.empty()) return;
  // libuv handles SIGCHLD after everything else that one poll brought, so that a child's last output comes
  // before its exit. The check phase, which follows the poll, keeps that order.
  uv_check_start(&check_, [](uv_check_t* handle) { static_cast<ExitWatch*>(handle->data)->deliver(); });
}

void ExitWatch::collect_by_signal() {
  ready_.insert(ready_.end(), by_signal_.begin(), by_signal_.end());
  by_signal_.clear();
  deliver();
}

void ExitWatch::deliver() {
  uv_check_stop(&check_);
  std::sort(ready_.begin(), ready_.end(), [](Watched* a, Watched* b) { return a->order > b->order; });
  // A callback may remove others from the list, or add to it.
  while (!ready_.empty()) {
    Watched* process = ready_.back();
    ready_.pop_back();
    Ending ending = {};
    int reaped = process->is_child ? reap(process->pid, process->pidfd, true, &ending) : 1;
    if (reaped == 0) {
      // Still running (by signal), or a tracer has yet to let go of it: SIGCHLD tells when.
      by_signal_.push_back(process);
      listen_to_sigchld();
      continue;
    }
    release(process);
    if (process->pidfd >= 0) ::close(process->pidfd);
    process->pidfd = -1;
    return_slot(process->slot);
    process->slot = nullptr;
    process->ended(reaped == 1 && process->is_child, ending);
  }
}

void ExitWatch::close(std::function<void()> done) {
  closed_ = std::move(done);
  while (!watched_.empty()) {
    Watched* process = watched_.back();
    release(process);
    if (process->is_child) {
      adopt_child(process->pid, process->pidfd, process->slot);
    } else if (process->pidfd >= 0) {
      ::close(process->pidfd);
    }
    process->pidfd = -1;
    process->slot = nullptr;
  }
  ready_.clear();
  auto gone = [](uv_handle_t* handle) {
    ExitWatch* self = static_cast<ExitWatch*>(handle->data);
    if (--self->open_handles_ > 0) return;
    if (self->epoll_fd_ >= 0) ::close(self->epoll_fd_);
    std::function<void()> closed = std::move(self->closed_);
    delete self;
    closed();
  };
  if (epoll_fd_ >= 0) uv_close(as_handle(&poll_), gone);
  uv_close(as_handle(&check_), gone);
  uv_close(as_handle(&signal_), gone);
}

}  // namespace procguard
