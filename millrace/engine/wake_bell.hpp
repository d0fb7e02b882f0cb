#pragma once

#include <atomic>
#include <cstdint>

#include "millrace/rt/doorbell.hpp"

namespace millrace::engine {

/// Why a shard was woken; bits of one word.
enum class Wake : std::uint32_t { data = 1, control = 2, command = 4, result = 8 };

/// Wakes a shard and tells it why. Data that comes while data waits already costs no system call:
/// the shard will take both at its next tick.
///   threads  wake(): any; the rest: the shard
class WakeBell {
 public:
  void wake(Wake why) noexcept {
    const auto bit = static_cast<std::uint32_t>(why);
    const std::uint32_t before = reasons_.fetch_or(bit, std::memory_order_acq_rel);
    if ((before & bit) == 0) bell_.ring();
  }
  /// Reasons since the last take.
  [[nodiscard]] std::uint32_t reasons() const noexcept {
    return reasons_.load(std::memory_order_acquire);
  }
  std::uint32_t take(std::uint32_t bits) noexcept {
    return reasons_.fetch_and(~bits, std::memory_order_acq_rel) & bits;
  }
  [[nodiscard]] rt::Doorbell& bell() noexcept { return bell_; }
  [[nodiscard]] std::uint64_t wake_ups() const noexcept { return bell_.wake_ups(); }

 private:
  /// Set by whoever wakes the shard, cleared by the shard before it looks for the work.
  std::atomic<std::uint32_t> reasons_{0};
  rt::Doorbell bell_;
};

[[nodiscard]] constexpr bool has(std::uint32_t reasons, Wake why) noexcept {
  return (reasons & static_cast<std::uint32_t>(why)) != 0;
}

}  // namespace millrace::engine
