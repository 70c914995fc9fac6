// The process table as the addon sees it.
#pragma once

#include <windows.h>

#include <cstdint>
#include <string>
#include <vector>

#include "handle.h"

namespace procguard {

// There are neither groups nor sessions in the sense of POSIX, and no keepers.
struct ProcessStat {
  DWORD pid, parent, group, session;
  char state;
  uint64_t start_ticks;
  bool is_keeper;
};

inline bool is_dead(const ProcessStat&) {
  return false;  // one that has ended isn't in the table
}

// Windows keeps environments to their owners; nothing is looked for by its mark here.
enum class MarkRead { kFound, kNone, kUnreadable };

struct ProcessEntry {
  ProcessStat stat;
  MarkRead mark_read;
  std::string mark;
  bool same_namespaces;
};

// Every process that can be seen. 0 or a libuv error. The parent of a process is 0 where the one that has
// that pid now is younger than its child: Windows keeps the number of a parent that has ended, and gives it
// to a stranger.
int snapshot(std::vector<ProcessEntry>* table);

// When a process was started, in microseconds since 1970: with its pid, its identity. 0: it can't be told.
uint64_t start_time_of(HANDLE process);

// The process with this pid that was started then. 0 or a libuv error; UV_ESRCH when it has ended, or is
// another.
int open_process(DWORD pid, uint64_t start_ticks, DWORD access, Handle* process);

// The path of its program. 0 or a libuv error, as with open_process.
int program_of(DWORD pid, uint64_t start_ticks, std::wstring* path);

// What it was started with, its program included. 0 or a libuv error, as with open_process.
int command_line_of(DWORD pid, uint64_t start_ticks, std::wstring* line);

// Whether it has ended; the handle allows SYNCHRONIZE.
bool has_ended(HANDLE process);

// As uv_kill does it: 0 asks whether it lives, and SIGTERM, SIGKILL, SIGINT and SIGQUIT all end it at once,
// since Windows knows no other way (without the crash dump that SIGQUIT may leave there). 0 or a libuv error.
int signal_handle(HANDLE process, int signal);

// The same for the process with this pid that was started then.
int send_signal(DWORD pid, uint64_t start_ticks, int signal);

}  // namespace procguard
