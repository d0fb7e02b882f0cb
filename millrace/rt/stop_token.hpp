#pragma once

#include <atomic>

#include "millrace/base/annotations.hpp"

namespace millrace::rt {

/// Asks, in one relaxed-cost read, whether work has been withdrawn. (std::stop_token allocates and
/// locks.) A default-made token never stops.
///   threads  any; copies are free
/// Borrows the flag of its StopSource: it must not be asked after that source is gone.
class StopToken {
 public:
  StopToken() = default;
  [[nodiscard]] bool stop_requested() const noexcept MR_NONBLOCKING {
    // Acquire: what the requester wrote before request_stop() is seen by whoever sees the stop.
    return flag_ != nullptr && flag_->load(std::memory_order_acquire);
  }
  /// False for the token that can never stop.
  [[nodiscard]] bool stop_possible() const noexcept { return flag_ != nullptr; }

 private:
  friend class StopSource;
  explicit StopToken(const std::atomic<bool>* flag) noexcept : flag_(flag) {}
  const std::atomic<bool>* flag_ = nullptr;
};

/// Owns the flag; lives where the work's record lives, and at least as long as its tokens are
/// asked.
///   threads  any
class StopSource {
 public:
  StopSource() = default;
  StopSource(const StopSource&) = delete;
  StopSource& operator=(const StopSource&) = delete;

  [[nodiscard]] StopToken token() const noexcept { return StopToken{&flag_}; }
  /// Idempotent.
  void request_stop() noexcept MR_NONBLOCKING { flag_.store(true, std::memory_order_release); }
  [[nodiscard]] bool stop_requested() const noexcept { return token().stop_requested(); }
  /// Makes the source fit for the next piece of work, once nobody asks a token of the last one.
  void reset() noexcept { flag_.store(false, std::memory_order_release); }

 private:
  /// Written by request_stop() and reset() (release), read by tokens (acquire).
  std::atomic<bool> flag_{false};
};

}  // namespace millrace::rt
