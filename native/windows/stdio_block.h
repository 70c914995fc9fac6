// The descriptors of a child, in the form in which C runtimes of Windows hand them on.
#pragma once

#include <cstdint>
#include <vector>

#include "handle.h"

namespace procguard {

// Windows itself knows three handles. A C runtime finds more in the reserved part of its start-up
// information: how many, a byte of flags for each, a handle for each. So descriptor 3 is 3 in Node, in Python
// and in C.
class StdioBlock {
 public:
  // Adds the next descriptor. 0 or a libuv error.
  int add_nothing();
  int add_pipe(Handle child_end);
  int add_descriptor(int fd);  // of the host
  // At least three, as a program expects. Call it once, after the last.
  int finish();

  std::vector<uint8_t>& bytes() { return bytes_; }
  HANDLE standard(size_t fd) const {
    return entries_[fd].handle ? entries_[fd].handle.get() : INVALID_HANDLE_VALUE;
  }
  // What the child inherits; nothing else that is open in the host.
  std::vector<HANDLE>& inherited() { return inherited_; }

 private:
  struct Entry {
    Handle handle;
    uint8_t flags;
  };
  std::vector<Entry> entries_;
  std::vector<uint8_t> bytes_;
  std::vector<HANDLE> inherited_;
};

}  // namespace procguard
