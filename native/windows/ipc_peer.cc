#include "ipc_peer.h"

namespace procguard {

namespace {

struct Search {
  HANDLE channel;
  DWORD pid;
  bool is_set;
};

void look_at(uv_handle_t* handle, void* data) {
  Search* search = static_cast<Search*>(data);
  if (handle->type != UV_NAMED_PIPE) return;
  uv_pipe_t* pipe = reinterpret_cast<uv_pipe_t*>(handle);
  if (pipe->ipc == 0 || pipe->handle != search->channel) return;
  // libuv has put this process there. Anything else, and its structure is not the one of our headers.
  DWORD* peer = &pipe->pipe.conn.ipc_remote_pid;
  if (*peer != GetCurrentProcessId()) return;
  *peer = search->pid;
  search->is_set = true;
}

}  // namespace

bool set_ipc_peer(uv_loop_t* loop, HANDLE channel, DWORD pid) {
  Search search = {channel, pid, false};
  uv_walk(loop, look_at, &search);
  return search.is_set;
}

}  // namespace procguard
