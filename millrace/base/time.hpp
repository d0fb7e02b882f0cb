#pragma once

#include <chrono>
#include <cstdint>

namespace millrace::base {

/// A span of clock time.
using Duration = std::chrono::nanoseconds;

/// An instant: nanoseconds since the clock in use began (monotonic; virtual under a virtual clock).
struct Instant {
  std::chrono::nanoseconds since_start{0};

  friend constexpr auto operator<=>(Instant, Instant) = default;
  friend constexpr Instant operator+(Instant a, Duration d) { return {a.since_start + d}; }
  friend constexpr Instant operator-(Instant a, Duration d) { return {a.since_start - d}; }
  friend constexpr Duration operator-(Instant a, Instant b) {
    return a.since_start - b.since_start;
  }
};

/// A point (or length) on a session's own audio: microseconds since its first frame.
/// Media time only moves when audio arrives; it has nothing to do with any clock.
using MediaTime = std::chrono::duration<std::int64_t, std::micro>;

/// Media time of frame `frame` at `rate_hz`: floor(frame * 1e6 / rate).
[[nodiscard]] constexpr MediaTime media_time(std::int64_t frame, std::int32_t rate_hz) noexcept {
  const std::int64_t whole = frame / rate_hz;
  const std::int64_t rest = frame % rate_hz;
  return MediaTime{whole * 1'000'000 + rest * 1'000'000 / rate_hz};
}

/// First frame at or after media time `at`: the inverse of media_time() for every frame start.
[[nodiscard]] constexpr std::int64_t frame_at(MediaTime at, std::int32_t rate_hz) noexcept {
  const std::int64_t us = at.count();
  const std::int64_t whole = us / 1'000'000;
  const std::int64_t rest = us % 1'000'000;
  return whole * rate_hz + (rest * rate_hz + 999'999) / 1'000'000;
}

[[nodiscard]] constexpr std::int64_t to_us(Duration d) noexcept {
  return d.count() / 1000;
}

}  // namespace millrace::base
