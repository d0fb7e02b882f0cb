#pragma once

#if defined(__linux__)

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstdint>
#include <ctime>

namespace millrace::rt::platform {

static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t));

/// Sleeps while `word` holds `value`, until woken or `deadline`. False when the deadline passed;
/// true may be spurious.
///   source  futex(2): FUTEX_WAIT_BITSET takes an absolute CLOCK_MONOTONIC time, which is what
///           std::chrono::steady_clock is on Linux
inline bool futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t value,
                       std::chrono::steady_clock::time_point deadline) noexcept {
  const auto since_boot =
      std::chrono::duration_cast<std::chrono::nanoseconds>(deadline.time_since_epoch()).count();
  timespec until{};
  if (since_boot > 0) {
    until.tv_sec = static_cast<std::time_t>(since_boot / 1'000'000'000);
    until.tv_nsec = static_cast<long>(since_boot % 1'000'000'000);
  }
  const long woken =
      syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), FUTEX_WAIT_BITSET_PRIVATE, value,
              &until, nullptr, FUTEX_BITSET_MATCH_ANY);
  return woken == 0 || errno != ETIMEDOUT;
}

/// Wakes whoever sleeps on `word`.
inline void futex_wake(std::atomic<std::uint32_t>& word) noexcept {
  syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), FUTEX_WAKE_PRIVATE, INT_MAX, nullptr,
          nullptr, 0);
}

}  // namespace millrace::rt::platform

#endif
