#include "adopted_children.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <mutex>

#include "guard_state.h"
#include "kernel.h"

namespace procguard {

namespace {

struct Adopted {
  pid_t pid;
  int pidfd;
  RegistrySlot* slot;
};

}  // namespace

int adopted_children_fd() {
  // Never destroyed: a thread that outlives main uses it.
  static std::mutex& mutex = *new std::mutex();
  static int fd = -1;
  std::lock_guard<std::mutex> lock(mutex);
  if (fd < 0) fd = epoll_create1(EPOLL_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

void adopt_child(pid_t pid, int pidfd, RegistrySlot* slot) {
  Adopted* child = new Adopted{pid, pidfd, slot};
  struct epoll_event event = {};
  event.events = EPOLLIN;
  event.data.ptr = child;
  if (pidfd >= 0 && epoll_ctl(adopted_children_fd(), EPOLL_CTL_ADD, pidfd, &event) == 0) return;
  // Without pidfds it stays a zombie until the host ends, as it does with Node. The slot stays with its pid.
  if (pidfd >= 0) close(pidfd);
  delete child;
}

void reap_adopted_children() {
  struct epoll_event event;
  while (epoll_wait(adopted_children_fd(), &event, 1, 0) == 1) {
    Adopted* child = static_cast<Adopted*>(event.data.ptr);
    Ending ending;
    // 0: a tracer holds it. To ask again and again would keep a processor busy, so it is let go.
    reap(child->pid, child->pidfd, true, &ending);
    epoll_ctl(adopted_children_fd(), EPOLL_CTL_DEL, child->pidfd, nullptr);
    close(child->pidfd);
    return_slot(child->slot);
    delete child;
  }
}

}  // namespace procguard
