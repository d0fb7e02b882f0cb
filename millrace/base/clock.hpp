#pragma once

#include "millrace/base/time.hpp"

namespace millrace::base {

/// Where "now" comes from. Logic never asks the operating system itself, so that the same code
/// runs in real time and in virtual time.
///   threads  any
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Instant now() const noexcept = 0;
};

/// Monotonic time since this object was made.
class RealClock final : public Clock {
 public:
  RealClock() noexcept;
  [[nodiscard]] Instant now() const noexcept override;

 private:
  std::chrono::steady_clock::time_point start_;
};

/// Time that moves only when it is told to.
///   threads  one thread at a time
class VirtualClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const noexcept override { return now_; }
  /// Moves to `to`; an instant in the past is ignored: time never runs backwards.
  void advance_to(Instant to) noexcept {
    if (to > now_) now_ = to;
  }

 private:
  Instant now_{};
};

/// Microseconds since the Unix epoch, for stamps that leave the process.
[[nodiscard]] std::int64_t unix_time_us() noexcept;

}  // namespace millrace::base
