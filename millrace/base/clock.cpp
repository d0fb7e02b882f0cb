#include "millrace/base/clock.hpp"

namespace millrace::base {

RealClock::RealClock() noexcept : start_(std::chrono::steady_clock::now()) {}

Instant RealClock::now() const noexcept {
  return {std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - start_)};
}

std::int64_t unix_time_us() noexcept {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace millrace::base
