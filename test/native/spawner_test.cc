// Starts and reaps children from many threads at once, without Node: the program that the thread sanitizer
// watches. Argument 1: the keeper to start. Exit code 0 when everything was as it should be.
#include "linux/spawner.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "linux/guard_state.h"
#include "linux/identity.h"
#include "linux/kernel.h"
#include "linux/launch.h"
#include "linux/process_table.h"
#include "linux/sample.h"

using namespace procguard;

namespace {

std::atomic<int> failures{0};

void expect(bool holds, const char* what) {
  if (holds) return;
  fprintf(stderr, "not so: %s\n", what);
  failures++;
}

// What spawn() in addon.cc does, with one program.
int start(const char* file, std::vector<std::string> args, Launched* launched, RegistrySlot** slot) {
  LaunchPlan plan;
  plan.file = file;
  for (std::string& arg : args) plan.argv.push_back(arg.data());
  plan.argv.push_back(nullptr);
  std::string mark = "PROCGUARD_HOST=" + host_identity() + "." + std::to_string(next_child_number());
  plan.envp = {mark.data(), nullptr};
  plan.fds = {-1, -1, 2};
  plan.death_signal = SIGKILL;
  plan.slot = *slot = take_slot(0);
  plan.cgroup_fd = cgroup_leaf(0);
  return launch_from_immortal_thread(plan, launched);
}

void end(const Launched& launched, RegistrySlot* slot, int expected_code, int expected_signal) {
  Ending ending = {};
  expect(reap(launched.pid, launched.pidfd, false, &ending) == 1, "the child is reaped");
  expect(ending.exit_code == expected_code && ending.signal == expected_signal, "it ended as told");
  expect(reap(launched.pid, launched.pidfd, true, &ending) == -ECHILD, "and only once");
  if (launched.pidfd >= 0) close(launched.pidfd);
  return_slot(slot);
}

void run_thread(int rounds) {
  for (int i = 0; i < rounds; i++) {
    Launched launched;
    RegistrySlot* slot;
    expect(start("/bin/sh", {"sh", "-c", "exit 7"}, &launched, &slot) == 0, "sh starts");
    end(launched, slot, 7, 0);
    expect(start("no-such-program", {"x"}, &launched, &slot) == -ENOENT, "a missing program says ENOENT");
    return_slot(slot);
    expect(start("/", {"x"}, &launched, &slot) == -EACCES, "a folder says EACCES");
    return_slot(slot);
    expect(start("sleep", {"sleep", "1000"}, &launched, &slot) == 0,
           "sleep starts, found in the default path");
    expect(kill(launched.pid, SIGKILL) == 0, "it can be killed");
    end(launched, slot, 0, SIGKILL);
  }
}

// Several threads sample at once, as several JavaScript threads may.
void sample_tree(int rounds) {
  Launched launched;
  RegistrySlot* slot;
  expect(start("sh", {"sh", "-c", "(setsid sleep 1000 &); exec sleep 1000"}, &launched, &slot) == 0,
         "sh starts");
  uint64_t start_ticks = start_ticks_of_child(launched.pid);
  expect(start_ticks != 0, "our child is known by its start");
  std::vector<SampledProcess> processes = {
      {launched.pid, start_ticks, 0}, {launched.pid, start_ticks + 1, 0}, {-1, 1, 0}};
  std::vector<Sample> samples;
  for (int i = 0; i < rounds; i++) {
    expect(sample(processes, i % 2 == 0, &samples) == 0 && samples.size() == 3, "samples are taken");
    expect(samples[0].error == 0, "the child is seen");
    expect(samples[1].error == -ESTALE && samples[2].error == -ESRCH, "strangers are not taken for it");
    expect(i % 2 != 0 || samples[0].tree.processes >= 1, "it is of its own tree");
  }
  expect(kill(launched.pid, SIGKILL) == 0, "it can be killed");
  end(launched, slot, 0, SIGKILL);
  expect(start_ticks_of_child(launched.pid) != start_ticks, "once it was waited for it is nobody");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 64;
  int rounds = atoi(argv[2]);
  expect(start_guard(argv[1]), "the guard starts");
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; i++) threads.emplace_back(run_thread, rounds);
  run_thread(rounds);
  for (std::thread& thread : threads) thread.join();

  threads.clear();
  for (int i = 0; i < 3; i++) threads.emplace_back(sample_tree, rounds);
  for (std::thread& thread : threads) thread.join();

  std::vector<ProcessEntry> table;
  expect(snapshot(&table) == 0 && !table.empty(), "the process table is read");
  for (const ProcessEntry& entry : table) {
    if (entry.stat.pid != getpid()) continue;
    expect(send_signal(entry.stat.pid, entry.stat.start_ticks + 1, SIGKILL) == -ESRCH,
           "a stranger is never signalled");
    expect(send_signal(entry.stat.pid, entry.stat.start_ticks, 0) == 0, "we are who we are");
  }
  expect(send_signal(1, 0, 0) == -EINVAL && send_signal(-1, 0, 0) == -EINVAL, "pid 1 and groups are refused");

  // A keeper that is killed is followed by another.
  GuardStatus before = guard_status();
  expect(before.keeper_pid > 0, "a keeper runs");
  if (before.keeper_pid > 0) kill(before.keeper_pid, SIGKILL);
  GuardStatus after = guard_status();
  for (int i = 0; i < 1000 && (after.keeper_pid == before.keeper_pid || after.keeper_pid == 0); i++) {
    poll(nullptr, 0, 10);
    after = guard_status();
  }
  expect(after.keeper_pid > 0 && after.keeper_pid != before.keeper_pid, "another keeper was started");
  if (failures == 0) printf("all as it should be\n");
  return failures == 0 ? 0 : 1;
}
