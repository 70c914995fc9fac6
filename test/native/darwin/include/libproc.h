// A part of macOS's libproc.h, for tests on Linux; see ../README.md.
#pragma once

#include <stdint.h>
#include <sys/types.h>

constexpr int PROC_PIDLISTFDS = 1;
constexpr int PROC_PIDTASKINFO = 4;
constexpr int PROC_PIDFDPIPEINFO = 6;
constexpr uint32_t PROX_FDTYPE_VNODE = 1, PROX_FDTYPE_SOCKET = 2, PROX_FDTYPE_KQUEUE = 5,
                   PROX_FDTYPE_PIPE = 6;
constexpr int RUSAGE_INFO_V2 = 2;

struct proc_taskinfo {
  int32_t pti_threadnum;
  int32_t pti_numrunning;
};

struct proc_fdinfo {
  int32_t proc_fd;
  uint32_t proc_fdtype;
};

struct pipe_fdinfo {
  struct {
    uint64_t pipe_handle, pipe_peerhandle;
  } pipeinfo;
};

struct rusage_info_v2 {
  uint64_t ri_user_time, ri_system_time;
  uint64_t ri_child_user_time, ri_child_system_time;
  uint64_t ri_phys_footprint;
};
typedef void* rusage_info_t;

int proc_pidinfo(int pid, int flavor, uint64_t arg, void* buffer, int size);
int proc_pidfdinfo(int pid, int fd, int flavor, void* buffer, int size);
int proc_pid_rusage(int pid, int flavor, rusage_info_t* buffer);
