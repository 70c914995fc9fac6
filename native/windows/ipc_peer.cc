#include "ipc_peer.h"

namespace procguard {

namespace {

struct Search {
  HANDLE channel;
  DWORD pid;
};

void look_at(uv_handle_t* handle, void* data) {
  const Search* search = static_cast<const Search*>(data);
  if (handle->type != UV_NAMED_PIPE) return;
  uv_pipe_t* pipe = reinterpret_cast<uv_pipe_t*>(handle);
  if (pipe->ipc != 0 && pipe->handle == search->channel) pipe->pipe.conn.ipc_remote_pid = search->pid;
}

}  // namespace

void set_ipc_peer(uv_loop_t* loop, HANDLE channel, DWORD pid) {
  Search search = {channel, pid};
  uv_walk(loop, look_at, &search);
}

}  // namespace procguard
