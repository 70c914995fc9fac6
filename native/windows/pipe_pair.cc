#include "pipe_pair.h"

#include <uv.h>

#include <atomic>
#include <cwchar>

namespace procguard {

namespace {

constexpr DWORD kBufferBytes = 65536;

std::atomic<unsigned> last_number{0};

// Never the same twice, and not to be guessed: whoever knew it could connect first. 0 or a libuv error.
int make_name(wchar_t (&name)[96]) {
  unsigned long long random = 0;
  int error = uv_random(nullptr, nullptr, &random, sizeof(random), 0, nullptr);
  if (error != 0) return error;
  swprintf(name, 96, L"\\\\.\\pipe\\procguard\\%lu-%u-%llx", GetCurrentProcessId(), ++last_number, random);
  return 0;
}

// Wine 8's server uses freed memory, and mostly ends by it with all its processes, when a process is
// terminated that hasn't been told yet of a read that is done. It doesn't where the end of a read isn't to be
// signaled on the file, for which nobody waits who reads by a completion port or an event.
void spare_wine(HANDLE child_end) {
  static const bool is_wine = GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "wine_get_version") != nullptr;
  if (is_wine) SetFileCompletionNotificationModes(child_end, FILE_SKIP_SET_EVENT_ON_HANDLE);
}

}  // namespace

int make_pipe_pair(bool overlapped_child, Handle* host_end, Handle* child_end) {
  wchar_t name[96];
  int error = make_name(name);
  if (error != 0) return error;
  Handle host(CreateNamedPipeW(name,
                               PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE,
                               PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS,
                               1, kBufferBytes, kBufferBytes, 0, nullptr));
  if (!host) return uv_translate_sys_error(GetLastError());
  SECURITY_ATTRIBUTES inheritable = {sizeof(inheritable), nullptr, TRUE};
  Handle child(CreateFileW(name, GENERIC_READ | GENERIC_WRITE, 0, &inheritable, OPEN_EXISTING,
                           overlapped_child ? FILE_FLAG_OVERLAPPED : 0, nullptr));
  if (!child) return uv_translate_sys_error(GetLastError());
  if (overlapped_child) spare_wine(child.get());
  // Doesn't block, since the other end is open already.
  if (!ConnectNamedPipe(host.get(), nullptr) && GetLastError() != ERROR_PIPE_CONNECTED)
    return uv_translate_sys_error(GetLastError());
  *host_end = std::move(host);
  *child_end = std::move(child);
  return 0;
}

}  // namespace procguard
