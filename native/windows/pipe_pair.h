// The two ends of a stdio pipe.
#pragma once

#include "handle.h"

namespace procguard {

// Both ways, as Node's own. The host's end is overlapped, which libuv wants; so is the child's for an IPC
// channel and for 'overlapped', and any other program gets one that plain ReadFile and WriteFile work on. 0
// or a libuv error.
int make_pipe_pair(bool overlapped_child, Handle* host_end, Handle* child_end);

}  // namespace procguard
