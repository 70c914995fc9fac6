#include "started_with.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysctl.h>

namespace procguard {

namespace {

constexpr char kMarkName[] = "PROCGUARD_HOST=";
// What the kernel allows to a program's start, and so to this look: it refuses to fill more. A byte is added
// that ends the last text.
constexpr size_t kRoomBytes = 1024 * 1024;

}  // namespace

StartedWith::~StartedWith() {
  if (bytes_ != nullptr) munmap(bytes_, kRoomBytes + 1);
}

// What is read: the number of arguments, the program's path, zero bytes, the arguments, the environment, and
// texts of the kernel's own; all of it as it is in the memory of the process now.
int StartedWith::read(pid_t pid) {
  argument_ = environment_ = end_ = nullptr;
  left_ = 0;
  if (bytes_ == nullptr) {
    void* made = mmap(nullptr, kRoomBytes + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
    if (made == MAP_FAILED) return -errno;
    bytes_ = static_cast<char*>(made);
  }
  int name[3] = {CTL_KERN, KERN_PROCARGS2, pid};
  size_t size = kRoomBytes;
  if (sysctl(name, 3, bytes_, &size, nullptr, 0) != 0) return -errno;
  int count = 0;
  if (size < sizeof(count)) return -EINVAL;
  memcpy(&count, bytes_, sizeof(count));
  bytes_[size] = '\0';
  const char* at = bytes_ + sizeof(count);
  end_ = bytes_ + size;
  at += strlen(at);
  while (at < end_ && *at == '\0') at++;
  argument_ = at;
  left_ = count;
  for (int i = 0; i < count && at < end_; i++) at += strlen(at) + 1;
  environment_ = at < end_ ? at : end_;
  return 0;
}

const char* StartedWith::next_argument() {
  if (left_ <= 0 || argument_ >= end_) return nullptr;
  const char* argument = argument_;
  argument_ += strlen(argument) + 1;
  left_--;
  return argument;
}

MarkRead StartedWith::mark(char (&mark)[kMarkBytes]) const {
  constexpr size_t kNameLength = sizeof(kMarkName) - 1;
  if (environment_ == end_) return MarkRead::kUnreadable;
  // An empty text may be in between: of a process that has written a shorter title over its arguments.
  for (const char* entry = environment_; entry < end_; entry += strlen(entry) + 1) {
    if (strncmp(entry, kMarkName, kNameLength) != 0) continue;
    strncpy(mark, entry + kNameLength, kMarkBytes - 1);
    mark[kMarkBytes - 1] = '\0';
    return MarkRead::kFound;
  }
  return MarkRead::kNone;
}

MarkRead read_mark(StartedWith* reader, pid_t pid, char (&mark)[kMarkBytes]) {
  return reader->read(pid) == 0 ? reader->mark(mark) : MarkRead::kUnreadable;
}

}  // namespace procguard
