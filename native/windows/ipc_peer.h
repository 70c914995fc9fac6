// Tells libuv who is at the other end of an IPC channel.
#pragma once

#include <uv.h>
#include <windows.h>

namespace procguard {

// libuv sends a socket through such a channel as a copy made for one process, by its pid. Of a pipe that was
// opened for it, it takes the pid from who connected it, and that was this process; so it is told. `channel`
// is the host's end, which a handle of this loop has taken over. False: this libuv is not as our headers have
// it, and nothing was written.
bool set_ipc_peer(uv_loop_t* loop, HANDLE channel, DWORD pid);

}  // namespace procguard
