#include "stdio_block.h"

#include <uv.h>

#include <cstring>

namespace procguard {

namespace {

// Flags of the C runtime.
constexpr uint8_t kOpen = 0x01, kPipe = 0x08, kDevice = 0x40;
// The runtime's block counts in one byte less than this.
constexpr size_t kMost = 255;

// In its usual mode: without standard streams many programs don't start.
Handle open_nul(bool for_reading) {
  SECURITY_ATTRIBUTES inheritable = {sizeof(inheritable), nullptr, TRUE};
  DWORD access = for_reading ? FILE_GENERIC_READ : FILE_GENERIC_WRITE | FILE_READ_ATTRIBUTES;
  return Handle(CreateFileW(L"NUL", access, FILE_SHARE_READ | FILE_SHARE_WRITE, &inheritable, OPEN_EXISTING,
                            0, nullptr));
}

uint8_t flags_of(HANDLE handle) {
  switch (GetFileType(handle)) {
    case FILE_TYPE_DISK:
      return kOpen;
    case FILE_TYPE_PIPE:
      return kOpen | kPipe;
    default:
      return kOpen | kDevice;
  }
}

}  // namespace

int StdioBlock::add_nothing() {
  size_t fd = entries_.size();
  if (fd > 2) {
    entries_.push_back({Handle(), 0});
    return 0;
  }
  Handle nul = open_nul(fd == 0);
  if (!nul) return uv_translate_sys_error(GetLastError());
  entries_.push_back({std::move(nul), kOpen | kDevice});
  return 0;
}

int StdioBlock::add_pipe(Handle child_end) {
  entries_.push_back({std::move(child_end), kOpen | kPipe});
  return 0;
}

int StdioBlock::add_descriptor(int fd) {
  HANDLE handle = fd < 0 ? INVALID_HANDLE_VALUE : static_cast<HANDLE>(uv_get_osfhandle(fd));
  HANDLE copy = nullptr;
  bool is_open =
      handle != INVALID_HANDLE_VALUE && handle != reinterpret_cast<HANDLE>(static_cast<intptr_t>(-2));
  DWORD error = is_open ? 0 : ERROR_INVALID_HANDLE;
  if (is_open && !DuplicateHandle(GetCurrentProcess(), handle, GetCurrentProcess(), &copy, 0, TRUE,
                                  DUPLICATE_SAME_ACCESS))
    error = GetLastError();
  // A host without a console has no standard streams to hand on.
  if (error == ERROR_INVALID_HANDLE && fd <= 2) {
    entries_.push_back({Handle(), 0});
    return 0;
  }
  if (error != 0) return uv_translate_sys_error(error);
  entries_.push_back({Handle(copy), flags_of(copy)});
  return 0;
}

int StdioBlock::finish() {
  while (entries_.size() < 3) {
    int error = add_nothing();
    if (error != 0) return error;
  }
  if (entries_.size() > kMost) return UV_ENOTSUP;
  int count = static_cast<int>(entries_.size());
  bytes_.resize(sizeof(count) + count * (1 + sizeof(HANDLE)));
  uint8_t* flags = bytes_.data() + sizeof(count);
  uint8_t* handles = flags + count;
  memcpy(bytes_.data(), &count, sizeof(count));
  for (int i = 0; i < count; i++) {
    HANDLE handle = standard(i);
    flags[i] = entries_[i].flags;
    memcpy(handles + i * sizeof(HANDLE), &handle, sizeof(HANDLE));
    if (entries_[i].handle) inherited_.push_back(handle);
  }
  return 0;
}

}  // namespace procguard
