#include "sample.h"

#include <tlhelp32.h>
#include <uv.h>
// After windows.h.
#include <psapi.h>

#include <algorithm>
#include <unordered_map>

#include "handle.h"
#include "job.h"
#include "process_table.h"

namespace procguard {

namespace {

uint64_t ns_of(const FILETIME& time) {
  return (static_cast<uint64_t>(time.dwHighDateTime) << 32 | time.dwLowDateTime) * 100;
}

uint64_t cpu_ns_of(HANDLE process) {
  FILETIME created, exited, kernel, user;
  if (!GetProcessTimes(process, &created, &exited, &kernel, &user)) return 0;
  return ns_of(kernel) + ns_of(user);
}

uint64_t resident_bytes_of(HANDLE process) {
  PROCESS_MEMORY_COUNTERS memory = {};
  memory.cb = sizeof(memory);
  return K32GetProcessMemoryInfo(process, &memory, sizeof(memory)) ? memory.WorkingSetSize : 0;
}

// Windows tells the number of threads with the table of all processes only.
std::unordered_map<DWORD, long> count_threads() {
  std::unordered_map<DWORD, long> threads;
  Handle taken(CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0));
  PROCESSENTRY32W found = {};
  found.dwSize = sizeof(found);
  for (BOOL more = taken && Process32FirstW(taken.get(), &found); more;
       more = Process32NextW(taken.get(), &found))
    threads[found.th32ProcessID] = static_cast<long>(found.cntThreads);
  return threads;
}

TreeUse use_of_tree(const Sample& root, uint64_t job) {
  TreeUse use = {1, root.cpu_ns, root.resident_bytes};
  JobUse found;
  if (job == 0 || look_into_job(job, &found) != 0) return use;
  TreeUse all = {0, 0, 0};
  for (DWORD pid : found.pids) {
    all.processes++;
    Handle process(OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid));
    if (!process) continue;
    all.cpu_ns += cpu_ns_of(process.get());
    all.resident_bytes += resident_bytes_of(process.get());
  }
  // The job's own account knows what ended processes have used; for living ones it may lag behind.
  all.cpu_ns = std::max(all.cpu_ns, found.cpu_ns);
  return all.processes == 0 ? use : all;
}

}  // namespace

int sample(const std::vector<SampledProcess>& processes, bool trees, std::vector<Sample>* samples) {
  std::unordered_map<DWORD, long> threads = count_threads();
  samples->reserve(processes.size());
  for (const SampledProcess& asked : processes) {
    Sample sample = {};
    sample.state = '?';
    Handle process;
    sample.error = open_process(asked.pid, asked.start_ticks, 0, &process);
    sample.at_ns = monotonic_ns();
    if (sample.error == 0) {
      sample.cpu_ns = cpu_ns_of(process.get());
      sample.resident_bytes = resident_bytes_of(process.get());
      sample.threads = threads[asked.pid];
      if (trees)
        sample.tree =
            use_of_tree(sample, asked.child_number != 0 ? asked.child_number : job_of_root(asked.pid));
    }
    samples->push_back(sample);
  }
  return 0;
}

uint64_t start_ticks_of_child(DWORD pid) {
  Handle process(OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid));
  return process ? start_time_of(process.get()) : 0;
}

uint64_t monotonic_ns() {
  return uv_hrtime();
}

uint64_t suspended_ns() {
  return 0;
}

}  // namespace procguard
