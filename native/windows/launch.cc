#include "launch.h"

#include <uv.h>

#include <vector>

#include "disabled.h"

namespace procguard {

namespace {

// ProcThreadAttributeValue(ProcThreadAttributeJobList, ...), which older headers lack.
constexpr DWORD_PTR kJobListAttribute = 0x2000D;
constexpr DWORD kLongestPath = 32768;

// What CreateProcess is told besides its own arguments. It refers to what it was given until the call is
// over.
class Attributes {
 public:
  // 0 or an error of Windows.
  DWORD make(HANDLE* job, std::vector<HANDLE>* inherited) {
    DWORD count = (job != nullptr) + !inherited->empty();
    if (count == 0) return 0;
    SIZE_T size = 0;
    InitializeProcThreadAttributeList(nullptr, count, 0, &size);
    bytes_.resize(size);
    auto* list = reinterpret_cast<LPPROC_THREAD_ATTRIBUTE_LIST>(bytes_.data());
    if (!InitializeProcThreadAttributeList(list, count, 0, &size)) return GetLastError();
    list_ = list;
    if (job != nullptr &&
        !UpdateProcThreadAttribute(list, 0, kJobListAttribute, job, sizeof(*job), nullptr, nullptr))
      return GetLastError();
    if (!inherited->empty() &&
        !UpdateProcThreadAttribute(list, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, inherited->data(),
                                   inherited->size() * sizeof(HANDLE), nullptr, nullptr))
      return GetLastError();
    return 0;
  }
  ~Attributes() {
    if (list_ != nullptr) DeleteProcThreadAttributeList(list_);
  }
  LPPROC_THREAD_ATTRIBUTE_LIST list() const { return list_; }

 private:
  std::vector<char> bytes_;
  LPPROC_THREAD_ATTRIBUTE_LIST list_ = nullptr;
};

DWORD creation_flags(const LaunchPlan& plan) {
  DWORD flags = CREATE_UNICODE_ENVIRONMENT | EXTENDED_STARTUPINFO_PRESENT;
  if (plan.detached) flags |= DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP;
  if (plan.console_group) flags |= CREATE_NEW_PROCESS_GROUP;
  // With DETACHED_PROCESS there is no window anyway.
  if (plan.no_window && !plan.detached) flags |= CREATE_NO_WINDOW;
  return flags;
}

// 0 or an error of Windows.
DWORD create(LaunchPlan& plan, HANDLE* job, DWORD extra_flags, PROCESS_INFORMATION* made) {
  Attributes attributes;
  DWORD error = attributes.make(job, &plan.stdio.inherited());
  if (error != 0) return error;
  STARTUPINFOEXW startup = {};
  startup.StartupInfo.cb = sizeof(startup);
  startup.StartupInfo.dwFlags = STARTF_USESTDHANDLES | STARTF_USESHOWWINDOW;
  startup.StartupInfo.wShowWindow = plan.hidden ? SW_HIDE : SW_SHOWDEFAULT;
  startup.StartupInfo.cbReserved2 = static_cast<WORD>(plan.stdio.bytes().size());
  startup.StartupInfo.lpReserved2 = plan.stdio.bytes().data();
  startup.StartupInfo.hStdInput = plan.stdio.standard(0);
  startup.StartupInfo.hStdOutput = plan.stdio.standard(1);
  startup.StartupInfo.hStdError = plan.stdio.standard(2);
  startup.lpAttributeList = attributes.list();
  // CreateProcess writes into the line.
  std::wstring line = plan.line;
  BOOL is_made = CreateProcessW(plan.program.c_str(), &line[0], nullptr, nullptr,
                                !plan.stdio.inherited().empty(), creation_flags(plan) | extra_flags,
                                plan.has_environment ? &plan.environment[0] : nullptr,
                                plan.cwd.empty() ? nullptr : plan.cwd.c_str(), &startup.StartupInfo, made);
  return is_made ? 0 : GetLastError();
}

// 0 or an error of Windows. A child that can't be resumed would wait for ever.
DWORD resume(HANDLE process, HANDLE thread) {
  if (ResumeThread(thread) != static_cast<DWORD>(-1)) return 0;
  DWORD error = GetLastError();
  TerminateProcess(process, 1);
  return error;
}

DWORD assign(HANDLE job, HANDLE process) {
  if (is_disabled("job")) return ERROR_ACCESS_DENIED;
  return AssignProcessToJobObject(job, process) ? 0 : GetLastError();
}

// A child that was made.
struct Placed {
  Handle process, thread;
  DWORD pid = 0;
  Handle job;           // without: it is in none
  DWORD job_error = 0;  // as in Launched
  bool is_suspended = false;
};

// Makes the child, in its job if that can be. 0 or an error of Windows.
DWORD place(LaunchPlan& plan, bool suspended, Placed* placed) {
  PROCESS_INFORMATION made = {};
  bool is_born_in_job = false;
  placed->job_error = make_job(plan.scope, &placed->job);
  if (placed->job) {
    HANDLE raw = placed->job.get();
    bool is_refused = is_disabled("job-list") || is_disabled("job");
    placed->job_error =
        is_refused ? ERROR_NOT_SUPPORTED : create(plan, &raw, suspended ? CREATE_SUSPENDED : 0, &made);
    is_born_in_job = placed->job_error == 0;
  }
  placed->is_suspended = suspended || !is_born_in_job;
  // If it is the program that can't be executed, this says so once more.
  DWORD error = is_born_in_job ? 0 : create(plan, nullptr, CREATE_SUSPENDED, &made);
  if (error != 0) return error;
  placed->process.reset(made.hProcess);
  placed->thread.reset(made.hThread);
  placed->pid = made.dwProcessId;
  if (is_born_in_job || !placed->job) return 0;
  // With the job that was refused just now, some versions of Windows refuse any process: this takes a new
  // one.
  DWORD refused = make_job(plan.scope, &placed->job);
  if (refused == 0) refused = assign(placed->job.get(), made.hProcess);
  if (refused == 0) return 0;
  placed->job_error = refused;
  placed->job.reset();
  return 0;
}

}  // namespace

int launch(LaunchPlan& plan, Launched* launched) {
  Placed placed;
  DWORD error = place(plan, false, &placed);
  if (error == 0 && placed.is_suspended) error = resume(placed.process.get(), placed.thread.get());
  if (error != 0) return uv_translate_sys_error(error);
  launched->process = std::move(placed.process);
  launched->pid = placed.pid;
  launched->job = placed.job ? keep_job(std::move(placed.job), placed.pid) : 0;
  launched->job_error = placed.job_error;
  return 0;
}

DWORD adopt_into_job(DWORD pid, JobScope scope, Handle* job) {
  Handle process(OpenProcess(PROCESS_SET_QUOTA | PROCESS_TERMINATE, FALSE, pid));
  if (!process) return GetLastError();
  Handle made;
  DWORD error = make_job(scope, &made);
  if (error == 0) error = assign(made.get(), process.get());
  if (error == 0) *job = std::move(made);
  return error;
}

DWORD probe_job() {
  if (is_disabled("job")) return ERROR_ACCESS_DENIED;
  // That jobs can be made says little: what an outer job or security software refuses is a process inside.
  LaunchPlan plan;
  plan.program.resize(kLongestPath);
  DWORD length = GetModuleFileNameW(nullptr, &plan.program[0], kLongestPath);
  if (length == 0 || length == kLongestPath) return length == 0 ? GetLastError() : ERROR_INSUFFICIENT_BUFFER;
  plan.program.resize(length);
  plan.line = L'"' + plan.program + L'"';
  plan.no_window = true;
  if (plan.stdio.finish() != 0) return ERROR_NOT_ENOUGH_MEMORY;
  Placed placed;
  DWORD error = place(plan, true, &placed);
  if (error != 0) return error;
  // It has never run.
  TerminateProcess(placed.process.get(), 1);
  return placed.job ? 0 : placed.job_error;
}

}  // namespace procguard
