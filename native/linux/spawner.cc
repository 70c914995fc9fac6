#include "spawner.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>

#include "kernel.h"
#include "posix/detached_thread.h"

namespace procguard {

namespace {

struct Job {
  LaunchPlan* plan;
  Launched* result;
  int error = 0;
  bool done = false;
  Job* next = nullptr;
};

struct Spawner {
  std::mutex mutex;
  std::condition_variable wanted, finished;
  Job* first = nullptr;
  Job** last = &first;
  bool started = false;
};

// Never destroyed: exit() would wait for ever on a condition variable that has a waiter.
Spawner& spawner() {
  static Spawner* const instance = new Spawner();
  return *instance;
}

void* serve(void*) {
  Spawner& self = spawner();
  std::unique_lock<std::mutex> lock(self.mutex);
  for (;;) {
    self.wanted.wait(lock, [&] { return self.first != nullptr; });
    Job* job = self.first;
    self.first = job->next;
    if (self.first == nullptr) self.last = &self.first;
    lock.unlock();
    job->error = launch(*job->plan, job->result);
    lock.lock();
    job->done = true;
    self.finished.notify_all();
  }
  return nullptr;
}

}  // namespace

int launch_from_immortal_thread(LaunchPlan& plan, Launched* result) {
  if (syscall(SYS_gettid) == getpid() && !disabled("first-thread")) return launch(plan, result);
  Spawner& self = spawner();
  Job job = {&plan, result};
  std::unique_lock<std::mutex> lock(self.mutex);
  if (!self.started) {
    int error = start_detached_thread(serve);
    if (error != 0) return error;
    self.started = true;
  }
  *self.last = &job;
  self.last = &job.next;
  self.wanted.notify_one();
  self.finished.wait(lock, [&] { return job.done; });
  return job.error;
}

}  // namespace procguard
