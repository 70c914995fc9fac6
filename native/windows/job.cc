#include "job.h"

#include <uv.h>

#include <algorithm>
#include <map>
#include <set>

namespace procguard {

namespace {

struct KeptJob {
  Handle job;
  DWORD root;
};

struct Jobs {
  SRWLOCK lock = SRWLOCK_INIT;
  uint64_t last_number = 0;
  std::map<uint64_t, KeptJob> open;
  std::map<DWORD, uint64_t> by_root;
  // Of children that have ended while something of their tree lived on.
  std::set<uint64_t> settled;
  uint64_t last_looked_at = 0;
};

// Never destroyed: other threads may still ask while the process ends, and its end closes the handles.
Jobs& jobs() {
  static Jobs* all = new Jobs();
  return *all;
}

class Locked {
 public:
  Locked() { AcquireSRWLockExclusive(&jobs().lock); }
  ~Locked() { ReleaseSRWLockExclusive(&jobs().lock); }
};

HANDLE find_job(uint64_t number) {
  auto found = jobs().open.find(number);
  return found == jobs().open.end() ? nullptr : found->second.job.get();
}

bool is_empty(HANDLE job) {
  JOBOBJECT_BASIC_ACCOUNTING_INFORMATION use = {};
  return QueryInformationJobObject(job, JobObjectBasicAccountingInformation, &use, sizeof(use), nullptr) &&
         use.ActiveProcesses == 0;
}

void forget(uint64_t number) {
  auto found = jobs().open.find(number);
  // The pid may be a later child's by now.
  auto root = jobs().by_root.find(found->second.root);
  if (root != jobs().by_root.end() && root->second == number) jobs().by_root.erase(root);
  jobs().open.erase(found);
}

int read_pids(HANDLE job, std::vector<DWORD>* pids) {
  // Room for two million in the end.
  constexpr size_t kFirstRoom = 64, kMostRoom = kFirstRoom << 15;
  for (size_t room = kFirstRoom; room <= kMostRoom; room *= 2) {
    std::vector<ULONG_PTR> bytes(2 + room);
    auto* list = reinterpret_cast<JOBOBJECT_BASIC_PROCESS_ID_LIST*>(bytes.data());
    DWORD size = static_cast<DWORD>(sizeof(JOBOBJECT_BASIC_PROCESS_ID_LIST) + (room - 1) * sizeof(ULONG_PTR));
    bool is_read = QueryInformationJobObject(job, JobObjectBasicProcessIdList, list, size, nullptr);
    if (!is_read && GetLastError() != ERROR_MORE_DATA) return uv_translate_sys_error(GetLastError());
    // A list that isn't full holds all, whatever the number of the assigned says.
    if (!is_read || list->NumberOfProcessIdsInList >= room) continue;
    for (DWORD i = 0; i < list->NumberOfProcessIdsInList; i++)
      pids->push_back(static_cast<DWORD>(list->ProcessIdList[i]));
    return 0;
  }
  return UV_EAGAIN;
}

}  // namespace

DWORD make_job(JobScope scope, Handle* job) {
  Handle made(CreateJobObjectW(nullptr, nullptr));
  if (!made) return GetLastError();
  JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {};
  limits.BasicLimitInformation.LimitFlags =
      JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION;
  if (scope == JobScope::kChild)
    limits.BasicLimitInformation.LimitFlags |= JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK;
  if (!SetInformationJobObject(made.get(), JobObjectExtendedLimitInformation, &limits, sizeof(limits)))
    return GetLastError();
  *job = std::move(made);
  return 0;
}

uint64_t keep_job(Handle job, DWORD root) {
  Locked locked;
  uint64_t number = ++jobs().last_number;
  jobs().open.emplace(number, KeptJob{std::move(job), root});
  jobs().by_root[root] = number;
  return number;
}

uint64_t job_of_root(DWORD root) {
  Locked locked;
  auto found = jobs().by_root.find(root);
  return found == jobs().by_root.end() ? 0 : found->second;
}

void settle_job(uint64_t number) {
  Locked locked;
  HANDLE job = find_job(number);
  if (job != nullptr && is_empty(job)) {
    jobs().settled.erase(number);
    forget(number);
  } else if (job != nullptr) {
    jobs().settled.insert(number);
  }
  // Also those whose last process has ended meanwhile, which nobody has said: a few each time, in turn.
  constexpr size_t kLooks = 4;
  for (size_t looks = std::min(kLooks, jobs().settled.size()); looks > 0; looks--) {
    auto at = jobs().settled.upper_bound(jobs().last_looked_at);
    if (at == jobs().settled.end()) at = jobs().settled.begin();
    jobs().last_looked_at = *at;
    if (!is_empty(find_job(*at))) continue;
    forget(*at);
    jobs().settled.erase(at);
  }
}

int end_job(uint64_t number) {
  Locked locked;
  HANDLE job = find_job(number);
  if (job == nullptr || is_empty(job)) return UV_ESRCH;
  return TerminateJobObject(job, 1) ? 0 : uv_translate_sys_error(GetLastError());
}

int look_into_job(uint64_t number, JobUse* use) {
  Locked locked;
  HANDLE job = find_job(number);
  if (job == nullptr) return UV_ESRCH;
  JOBOBJECT_BASIC_ACCOUNTING_INFORMATION account = {};
  if (!QueryInformationJobObject(job, JobObjectBasicAccountingInformation, &account, sizeof(account),
                                 nullptr))
    return uv_translate_sys_error(GetLastError());
  // In units of 100 ns.
  use->cpu_ns = (account.TotalUserTime.QuadPart + account.TotalKernelTime.QuadPart) * 100;
  use->pids.clear();
  int error = read_pids(job, &use->pids);
  if (error == 0 && use->pids.empty()) error = UV_ESRCH;
  return error;
}

}  // namespace procguard
