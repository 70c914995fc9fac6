#include "posix/keeper_record.h"

#include <time.h>

#include <algorithm>

namespace procguard {

namespace {

// A keeper that died sooner than this after its start is restarted with a growing pause, up to
// kLongestPauseMs.
constexpr int64_t kHealthyMs = 2000;
constexpr int kLongestPauseMs = 10000;
// So many quick deaths in a row and the state says "failed"; restarting goes on.
constexpr int kQuickDeaths = 5;

constexpr const char* kNames[] = {"stopped", "starting", "running", "restarting", "failed"};

int64_t monotonic_ms() {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1000000;
}

}  // namespace

const char* KeeperRecord::state() const {
  return kNames[state_];
}

void KeeperRecord::started() {
  state_ = kStarting;
  started_ms_ = monotonic_ms();
}

void KeeperRecord::ready() {
  state_ = kRunning;
  error_ = 0;
}

int KeeperRecord::died() {
  bool quick = monotonic_ms() - started_ms_ < kHealthyMs;
  quick_deaths_ = quick ? quick_deaths_ + 1 : 0;
  state_ = quick_deaths_ >= kQuickDeaths ? kFailed : kRestarting;
  // The first restart comes at once.
  return quick_deaths_ <= 1 ? 0 : std::min(1 << std::min(quick_deaths_, 16), kLongestPauseMs);
}

void KeeperRecord::refused(int error) {
  error_ = -error;
  started_ms_ = monotonic_ms();
  if (state_ == kStopped) state_ = kFailed;
}

}  // namespace procguard
