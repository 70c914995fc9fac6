// A part of macOS's sys/sysctl.h, for tests on Linux; see ../../README.md.
#pragma once

#include <stddef.h>
#include <sys/time.h>
#include <sys/types.h>

constexpr int CTL_KERN = 1;
constexpr int KERN_PROC = 14, KERN_PROC_ALL = 0, KERN_PROC_PID = 1;
constexpr int KERN_PROCARGS2 = 49;

struct kinfo_proc {
  struct {
    struct timeval p_starttime;
    int p_flag;
    char p_stat;
    pid_t p_pid;
    char p_comm[17];
  } kp_proc;
  struct {
    pid_t e_ppid;
    pid_t e_pgid;
  } kp_eproc;
};

int sysctl(int* name, unsigned name_length, void* out, size_t* size, void* in, size_t in_size);
int sysctlbyname(const char* name, void* out, size_t* size, void* in, size_t in_size);
