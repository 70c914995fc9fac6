// Job Objects: what holds a child and all that it starts, and ends them when this process ends.
#pragma once

#include <cstdint>
#include <vector>

#include "handle.h"

namespace procguard {

// How much of a tree a job holds.
enum class JobScope {
  kTree,  // the child and all its descendants; one that asks to break away is refused by Windows
  kChild  // the child alone; what it starts is outside from its first moment on
};

// A job whose processes are terminated when its last handle is closed, which Windows does when this process
// ends in whatever way. So the handle is never inherited and never given away. None of its processes waits in
// an error dialog when it crashes. 0 or an error of Windows.
DWORD make_job(JobScope scope, Handle* job);

// From here on the job is known by the number that is returned, which is never 0 and never used twice. `root`
// is the child that it was made for.
uint64_t keep_job(Handle job, DWORD root);

// The latest job that was made for a child with this pid; 0: there is none.
uint64_t job_of_root(DWORD root);

// Nobody here waits for the child any more: the job is closed once nothing lives in it. Calling it again is
// free.
void settle_job(uint64_t number);

// Terminates all that lives in it. 0 or a libuv error; UV_ESRCH when it holds nothing any more.
int end_job(uint64_t number);

struct JobUse {
  uint64_t cpu_ns;  // with that of processes that have ended
  std::vector<DWORD> pids;
};

// 0 or a libuv error; UV_ESRCH when it holds nothing any more.
int look_into_job(uint64_t number, JobUse* use);

}  // namespace procguard
