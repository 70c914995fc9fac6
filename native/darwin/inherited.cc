#include "inherited.h"

#include <libproc.h>
#include <unistd.h>

#include <set>

namespace procguard {

namespace {

struct PipeEnd {
  int fd;
  uint64_t own, peer;
};

std::vector<proc_fdinfo> list_descriptors(pid_t pid) {
  std::vector<proc_fdinfo> list;
  int bytes = proc_pidinfo(pid, PROC_PIDLISTFDS, 0, nullptr, 0);
  if (bytes <= 0) return list;
  list.resize(static_cast<size_t>(bytes) / sizeof(proc_fdinfo) + 16);
  bytes =
      proc_pidinfo(pid, PROC_PIDLISTFDS, 0, list.data(), static_cast<int>(list.size() * sizeof(proc_fdinfo)));
  list.resize(bytes > 0 ? static_cast<size_t>(bytes) / sizeof(proc_fdinfo) : 0);
  return list;
}

std::vector<PipeEnd> pipes_of(pid_t pid, const std::vector<proc_fdinfo>& list) {
  std::vector<PipeEnd> pipes;
  for (const proc_fdinfo& entry : list) {
    pipe_fdinfo info = {};
    if (entry.proc_fdtype == PROX_FDTYPE_PIPE &&
        proc_pidfdinfo(pid, entry.proc_fd, PROC_PIDFDPIPEINFO, &info, sizeof(info)) == sizeof(info))
      pipes.push_back({entry.proc_fd, info.pipeinfo.pipe_handle, info.pipeinfo.pipe_peerhandle});
  }
  return pipes;
}

}  // namespace

size_t count_descriptors() {
  int bytes = proc_pidinfo(getpid(), PROC_PIDLISTFDS, 0, nullptr, 0);
  return bytes > 0 ? static_cast<size_t>(bytes) / sizeof(proc_fdinfo) : 0;
}

std::vector<int> inherited_descriptors() {
  std::vector<proc_fdinfo> list = list_descriptors(getpid());
  std::vector<PipeEnd> pipes = pipes_of(getpid(), list);
  // Node makes pipes to itself; one that the parent or a stream has, too, is not of those.
  std::set<uint64_t> ends, foreign;
  for (const PipeEnd& pipe : pipes) {
    ends.insert(pipe.own);
    if (pipe.fd <= 2) foreign.insert({pipe.own, pipe.peer});
  }
  for (const PipeEnd& pipe : pipes_of(getppid(), list_descriptors(getppid())))
    foreign.insert({pipe.own, pipe.peer});
  std::set<int> nodes_own;
  for (const PipeEnd& pipe : pipes) {
    if (ends.count(pipe.peer) > 0 && foreign.count(pipe.own) == 0) nodes_own.insert(pipe.fd);
  }
  std::vector<int> inherited;
  for (const proc_fdinfo& entry : list) {
    bool is_loops = entry.proc_fdtype == PROX_FDTYPE_KQUEUE;
    if (entry.proc_fd > 2 && !is_loops && nodes_own.count(entry.proc_fd) == 0)
      inherited.push_back(entry.proc_fd);
  }
  return inherited;
}

}  // namespace procguard
