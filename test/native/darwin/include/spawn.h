// A part of macOS's spawn.h, for tests on Linux; see ../README.md. glibc's has no
// POSIX_SPAWN_CLOEXEC_DEFAULT.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <string>
#include <vector>

constexpr int POSIX_SPAWN_SETSIGDEF = 0x0004;
constexpr int POSIX_SPAWN_SETSIGMASK = 0x0008;
constexpr int POSIX_SPAWN_SETSID = 0x0400;
constexpr int POSIX_SPAWN_CLOEXEC_DEFAULT = 0x4000;

struct shim_spawn_attributes {
  short flags;
  sigset_t default_signals, mask;
};
struct shim_spawn_action {
  enum { kChdir, kOpen, kDup, kInherit, kClose } kind;
  int fd, source, flags;
  std::string path;
};
using shim_spawn_actions = std::vector<shim_spawn_action>;

#define posix_spawnattr_t shim_spawn_attributes
#define posix_spawn_file_actions_t shim_spawn_actions
#define posix_spawn shim_spawn

int shim_spawn(pid_t* pid, const char* path, const shim_spawn_actions* actions,
               const shim_spawn_attributes* attributes, char* const* argv, char* const* envp);

inline int posix_spawnattr_init(shim_spawn_attributes* attributes) {
  *attributes = {};
  return 0;
}
inline int posix_spawnattr_destroy(shim_spawn_attributes*) {
  return 0;
}
inline int posix_spawnattr_setflags(shim_spawn_attributes* attributes, short flags) {
  attributes->flags = flags;
  return 0;
}
inline int posix_spawnattr_setsigdefault(shim_spawn_attributes* attributes, const sigset_t* signals) {
  attributes->default_signals = *signals;
  return 0;
}
inline int posix_spawnattr_setsigmask(shim_spawn_attributes* attributes, const sigset_t* mask) {
  attributes->mask = *mask;
  return 0;
}

inline int posix_spawn_file_actions_init(shim_spawn_actions* actions) {
  actions->clear();
  return 0;
}
inline int posix_spawn_file_actions_destroy(shim_spawn_actions*) {
  return 0;
}
inline int posix_spawn_file_actions_addchdir_np(shim_spawn_actions* actions, const char* path) {
  actions->push_back({shim_spawn_action::kChdir, -1, -1, 0, path});
  return 0;
}
inline int posix_spawn_file_actions_addopen(shim_spawn_actions* actions, int fd, const char* path, int flags,
                                            mode_t) {
  actions->push_back({shim_spawn_action::kOpen, fd, -1, flags, path});
  return 0;
}
inline int posix_spawn_file_actions_adddup2(shim_spawn_actions* actions, int source, int fd) {
  actions->push_back({shim_spawn_action::kDup, fd, source, 0, ""});
  return 0;
}
inline int posix_spawn_file_actions_addinherit_np(shim_spawn_actions* actions, int fd) {
  actions->push_back({shim_spawn_action::kInherit, fd, -1, 0, ""});
  return 0;
}
inline int posix_spawn_file_actions_addclose(shim_spawn_actions* actions, int fd) {
  actions->push_back({shim_spawn_action::kClose, fd, -1, 0, ""});
  return 0;
}
