// Starts one child inside of a job.
#pragma once

#include <cstdint>
#include <string>

#include "handle.h"
#include "job.h"
#include "stdio_block.h"

namespace procguard {

struct LaunchPlan {
  std::wstring program;
  std::wstring line;
  std::wstring cwd;  // empty: the host's
  std::wstring environment;
  bool has_environment = false;  // without: the host's
  StdioBlock stdio;
  JobScope scope = JobScope::kTree;
  bool detached = false;       // no console at all, and a process group of its own
  bool console_group = false;  // a process group of its own, which CTRL_BREAK reaches
  bool hidden = false;
  bool no_window = false;
};

struct Launched {
  Handle process;
  DWORD pid = 0;
  uint64_t job = 0;  // its number; 0: it runs in none
  // Why it runs in none, or was put into it after its start only, when `job` isn't 0; an error of Windows.
  DWORD job_error = 0;
};

// 0 or a libuv error. When Windows refuses to start the child in the job it is started suspended, assigned,
// and resumed; when it refuses that, too, the child runs without a guard, and job_error says so.
int launch(LaunchPlan& plan, Launched* launched);

// Puts a process that runs already into a new job; what it has started before stays outside. 0 or an error of
// Windows.
DWORD adopt_into_job(DWORD pid, JobScope scope, Handle* job);

// 0: a child can be put into a job, as was tried with one that never runs; an error of Windows: it can't.
DWORD probe_job();

}  // namespace procguard
