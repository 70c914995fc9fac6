// How a host's keepers fare: what is told of it, and when the next is to be started. Whoever owns it keeps
// other threads out.
#pragma once

#include <cstdint>

namespace procguard {

class KeeperRecord {
 public:
  // "stopped", "starting", "running", "restarting" or "failed"
  const char* state() const;
  uint32_t restarts() const { return restarts_; }
  // The errno of the last failure; 0: none.
  int error() const { return error_; }

  void started();
  // It has said so itself.
  void ready();
  // How long to wait before the next, in milliseconds.
  int died();
  void restarting() { restarts_++; }
  // `error`: negative. None could be started; it is tried again.
  void refused(int error);
  // `error`: negative. None is to be started here.
  void stopped(int error) { error_ = -error; }

 private:
  enum State { kStopped, kStarting, kRunning, kRestarting, kFailed };
  State state_ = kStopped;
  uint32_t restarts_ = 0;
  int error_ = 0;
  int quick_deaths_ = 0;
  int64_t started_ms_ = 0;
};

}  // namespace procguard
