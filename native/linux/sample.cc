#include "sample.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "sighting.h"
#include "tree_use.h"

namespace procguard {

namespace {

uint64_t read_clock(clockid_t clock) {
  struct timespec now = {};
  clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

void fill(int proc_fd, const Sighting& seen, Sample* sample) {
  static const uint64_t page_bytes = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  sample->state = seen.stat.state;
  sample->threads = seen.stat.threads;
  sample->at_ns = seen.at_ns;
  sample->cpu_ns = seen.cpu_ns;
  sample->resident_bytes = seen.stat.resident_pages * page_bytes;
  if (seen.stat.state != 't') return;
  pid_t tracer = read_tracer(proc_fd, seen.stat.pid);
  sample->tracer = tracer > 0 ? tracer : 0;
}

// What concerns the sampling as a whole, and not one process.
bool is_general(int error) {
  return error == -EMFILE || error == -ENFILE || error == -ENOMEM;
}

}  // namespace

uint64_t monotonic_ns() {
  return read_clock(CLOCK_MONOTONIC);
}

uint64_t suspended_ns() {
  uint64_t running = read_clock(CLOCK_MONOTONIC), all = read_clock(CLOCK_BOOTTIME);
  // Less is what passes between two looks, and a time namespace's own offsets.
  return all > running + 1'000'000 ? all - running : 0;
}

uint64_t start_ticks_of_child(pid_t pid) {
  int proc_fd = open_proc();
  if (proc_fd < 0) return 0;
  ProcessStat stat;
  int error = read_stat(proc_fd, pid, &stat);
  close(proc_fd);
  return error == 0 && stat.parent == getpid() ? stat.start_ticks : 0;
}

int sample(const std::vector<SampledProcess>& processes, bool trees, std::vector<Sample>* samples) {
  int proc_fd = open_proc();
  if (proc_fd < 0) return proc_fd;
  samples->assign(processes.size(), Sample());
  TreeTable table;
  int failed = trees ? table.read(proc_fd) : 0;
  for (size_t i = 0; i < processes.size() && failed == 0; i++) {
    Sample* sample = &(*samples)[i];
    Sighting own;
    const Sighting* seen = table.find(processes[i].pid);
    // One that isn't listed may be hidden.
    sample->error = seen != nullptr ? 0 : look_at_process(proc_fd, processes[i].pid, &own);
    if (seen == nullptr) seen = &own;
    if (is_general(sample->error)) failed = sample->error;
    if (sample->error == 0 && seen->stat.start_ticks != processes[i].start_ticks) sample->error = -ESTALE;
    if (sample->error == 0) fill(proc_fd, *seen, sample);
  }
  if (trees && failed == 0) table.add_up(proc_fd, processes, samples);
  close(proc_fd);
  return failed;
}

}  // namespace procguard
