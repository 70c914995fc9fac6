#include "process_table.h"

#include <signal.h>
#include <tlhelp32.h>
#include <uv.h>
#include <winternl.h>

#include <unordered_map>

namespace procguard {

namespace {

constexpr uint64_t kMicrosecondsTo1970 = 11644473600ull * 1000000;

// PROCESS_BASIC_INFORMATION, whose last field has another name in each version of the SDK.
struct BasicInformation {
  void* reserved;
  PEB* peb;
  void* reserved_too[2];
  ULONG_PTR pid;
  ULONG_PTR parent;
};
static_assert(sizeof(BasicInformation) == sizeof(PROCESS_BASIC_INFORMATION), "it is what Windows fills");

bool read_basic_information(HANDLE process, BasicInformation* basic) {
  static const auto query = reinterpret_cast<decltype(&NtQueryInformationProcess)>(
      reinterpret_cast<void*>(GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "NtQueryInformationProcess")));
  ULONG length = 0;
  return query != nullptr && query(process, ProcessBasicInformation, basic, sizeof(*basic), &length) >= 0;
}

}  // namespace

uint64_t start_time_of(HANDLE process) {
  FILETIME created, exited, kernel, user;
  if (!GetProcessTimes(process, &created, &exited, &kernel, &user)) return 0;
  uint64_t units = static_cast<uint64_t>(created.dwHighDateTime) << 32 | created.dwLowDateTime;
  return units / 10 - kMicrosecondsTo1970;
}

int snapshot(std::vector<ProcessEntry>* table) {
  HANDLE taken = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
  if (taken == INVALID_HANDLE_VALUE) return uv_translate_sys_error(GetLastError());
  Handle processes(taken);
  PROCESSENTRY32W found = {};
  found.dwSize = sizeof(found);
  std::unordered_map<DWORD, uint64_t> starts;
  BOOL more = Process32FirstW(taken, &found);
  // This process at least is in it.
  if (!more) return uv_translate_sys_error(GetLastError());
  for (; more; more = Process32NextW(taken, &found)) {
    DWORD pid = found.th32ProcessID;
    // Neither can be told of processes that may not be opened, of other users for instance.
    Handle process(OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid));
    uint64_t start = process ? start_time_of(process.get()) : 0;
    BasicInformation basic = {};
    bool is_told = process && read_basic_information(process.get(), &basic);
    // The one in the snapshot may have ended, and its pid be another's since: then the snapshot has the wrong
    // parent.
    DWORD parent = is_told ? static_cast<DWORD>(basic.parent) : found.th32ParentProcessID;
    starts[pid] = start;
    table->push_back({{pid, parent, 0, 0, 'S', start, false}, MarkRead::kUnreadable, "", true});
  }
  for (ProcessEntry& entry : *table) {
    auto parent = starts.find(entry.stat.parent);
    bool is_older = parent != starts.end() && parent->second != 0 && entry.stat.start_ticks != 0 &&
                    parent->second <= entry.stat.start_ticks;
    if (!is_older) entry.stat.parent = 0;
  }
  return 0;
}

int open_process(DWORD pid, uint64_t start_ticks, DWORD access, Handle* process) {
  Handle opened(OpenProcess(access | PROCESS_QUERY_LIMITED_INFORMATION | SYNCHRONIZE, FALSE, pid));
  if (!opened) {
    DWORD error = GetLastError();
    return error == ERROR_INVALID_PARAMETER ? UV_ESRCH : uv_translate_sys_error(error);
  }
  if (start_time_of(opened.get()) != start_ticks || has_ended(opened.get())) return UV_ESRCH;
  *process = std::move(opened);
  return 0;
}

int program_of(DWORD pid, uint64_t start_ticks, std::wstring* path) {
  // The longest that a path can be.
  constexpr DWORD kMostUnits = 32768;
  Handle process;
  int error = open_process(pid, start_ticks, 0, &process);
  if (error != 0) return error;
  path->resize(kMostUnits);
  DWORD length = kMostUnits;
  if (!QueryFullProcessImageNameW(process.get(), 0, &(*path)[0], &length))
    return uv_translate_sys_error(GetLastError());
  path->resize(length);
  return 0;
}

namespace {

// From the memory of another process.
bool read_at(HANDLE process, const void* address, void* bytes, size_t size) {
  SIZE_T count = 0;
  return ReadProcessMemory(process, address, bytes, size, &count) && count == size;
}

}  // namespace

int command_line_of(DWORD pid, uint64_t start_ticks, std::wstring* line) {
  Handle process;
  int error = open_process(pid, start_ticks, PROCESS_QUERY_INFORMATION | PROCESS_VM_READ, &process);
  if (error != 0) return error;
  BasicInformation basic = {};
  PEB peb;
  RTL_USER_PROCESS_PARAMETERS parameters;
  bool is_read = read_basic_information(process.get(), &basic) &&
                 read_at(process.get(), basic.peb, &peb, sizeof(peb)) &&
                 read_at(process.get(), peb.ProcessParameters, &parameters, sizeof(parameters));
  if (is_read) {
    const UNICODE_STRING& text = parameters.CommandLine;
    line->resize(text.Length / sizeof(wchar_t));
    is_read = read_at(process.get(), text.Buffer, &(*line)[0], line->size() * sizeof(wchar_t));
  }
  if (is_read) return 0;
  return has_ended(process.get()) ? UV_ESRCH : UV_EACCES;
}

bool has_ended(HANDLE process) {
  return WaitForSingleObject(process, 0) == WAIT_OBJECT_0;
}

namespace {

// Also of one whose handle isn't signaled yet, since it is still being taken down.
bool is_ending(HANDLE process) {
  DWORD code = STILL_ACTIVE;
  return has_ended(process) || (GetExitCodeProcess(process, &code) && code != STILL_ACTIVE);
}

}  // namespace

int signal_handle(HANDLE process, int signal) {
  if (signal < 0 || signal >= NSIG) return UV_EINVAL;
  switch (signal) {
    case 0:
    case SIGQUIT:
    case SIGTERM:
    case SIGKILL:
    case SIGINT: {
      if (is_ending(process)) return UV_ESRCH;
      if (signal == 0 || TerminateProcess(process, 1)) return 0;
      DWORD error = GetLastError();
      // It may have begun to end meanwhile, of which Windows says that access is denied.
      return is_ending(process) ? UV_ESRCH : uv_translate_sys_error(error);
    }
    default:
      return UV_ENOSYS;
  }
}

int send_signal(DWORD pid, uint64_t start_ticks, int signal) {
  Handle process;
  int error = open_process(pid, start_ticks, PROCESS_TERMINATE, &process);
  return error != 0 ? error : signal_handle(process.get(), signal);
}

}  // namespace procguard
