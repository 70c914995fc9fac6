#include "sample.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "tree_use.h"
#include "usage.h"

namespace procguard {

namespace {

uint64_t read_clock(clockid_t clock) {
  struct timespec now = {};
  clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

void look_at_process(const SampledProcess& asked, Sample* sample) {
  Usage usage = {};
  bool runs = false;
  sample->error = read_usage(asked.pid, &usage);
  sample->at_ns = monotonic_ns();
  if (sample->error == 0) sample->error = read_threads(asked.pid, &sample->threads, &runs);
  // After the rest, so that the start time says whose that was.
  ProcessStat stat = {};
  int error = read_stat(asked.pid, &stat);
  if (error == 0 && stat.start_ticks != asked.start_ticks) error = -ESTALE;
  if (error != 0) sample->error = error;
  // A zombie has no usage any more, and is there.
  if (error == 0 && is_dead(stat)) sample->error = 0;
  if (sample->error != 0) return;
  sample->state = stat.state == 'R' && !runs ? 'S' : stat.state;
  sample->cpu_ns = usage.cpu_ns;
  sample->resident_bytes = usage.footprint_bytes;
}

}  // namespace

uint64_t monotonic_ns() {
  return read_clock(CLOCK_UPTIME_RAW);
}

uint64_t suspended_ns() {
  uint64_t awake = read_clock(CLOCK_UPTIME_RAW), all = read_clock(CLOCK_MONOTONIC_RAW);
  // Less is what passes between two looks.
  return all > awake + 1'000'000 ? all - awake : 0;
}

uint64_t start_ticks_of_child(pid_t pid) {
  ProcessStat stat;
  return read_stat(pid, &stat) == 0 && stat.parent == getpid() ? stat.start_ticks : 0;
}

int sample(const std::vector<SampledProcess>& processes, bool trees, std::vector<Sample>* samples) {
  samples->assign(processes.size(), Sample());
  for (size_t i = 0; i < processes.size(); i++) look_at_process(processes[i], &(*samples)[i]);
  return trees ? add_up_trees(processes, samples) : 0;
}

}  // namespace procguard
