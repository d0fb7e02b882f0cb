#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "millrace/base/annotations.hpp"
#include "millrace/base/time.hpp"
#include "millrace/rt/sleeper.hpp"

namespace millrace::rt {

/// Wakes one thread that waits for work. Rings while nobody waits are remembered as one: the next
/// wait returns at once. What was written before ring() is seen after the wait it ends.
///   threads  ring(): any, rt included; wait_*(): one thread, the owner; counts: any
/// A ring costs one atomic exchange, and one system call only when the owner is asleep; further
/// rings before it wakes cost the exchange alone.
template <class SleeperT>
class BasicDoorbell {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  BasicDoorbell() = default;
  BasicDoorbell(const BasicDoorbell&) = delete;
  BasicDoorbell& operator=(const BasicDoorbell&) = delete;

  void ring() noexcept;

  /// Waits for a ring and takes it. False when `deadline` passed without one; a deadline that has
  /// passed asks without sleeping.
  bool wait_until(TimePoint deadline) noexcept;
  /// As wait_until(), counted from now; a negative span asks without sleeping.
  bool wait_for(base::Duration span) noexcept;
  /// Takes a ring if there is one; never sleeps.
  bool try_take() noexcept MR_NONBLOCKING;

  /// Calls of ring().
  [[nodiscard]] std::uint64_t rings() const noexcept { return rings_.load(kRelaxed); }
  /// System calls made by ring().
  [[nodiscard]] std::uint64_t wake_calls() const noexcept { return wake_calls_.load(kRelaxed); }
  /// Times the owner slept and came back, rung or not.
  [[nodiscard]] std::uint64_t wake_ups() const noexcept { return wake_ups_.load(kRelaxed); }

 private:
  static constexpr auto kRelaxed = std::memory_order_relaxed;
  enum : std::uint32_t { kSilent, kRung, kAsleep };

  /// Every change is a read-modify-write (acq_rel), so rings and takes have one order: a ring that
  /// a take did not see is still there for the next one. Ringers write kRung; the owner writes
  /// kSilent, and kAsleep only over kSilent.
  alignas(64) std::atomic<std::uint32_t> state_{kSilent};
  SleeperT sleeper_;
  /// Statistics: written by ringers (relaxed add), read by any.
  alignas(64) std::atomic<std::uint64_t> rings_{0};
  std::atomic<std::uint64_t> wake_calls_{0};
  /// Written by the owner only.
  std::atomic<std::uint64_t> wake_ups_{0};
};

extern template class BasicDoorbell<Sleeper>;
#if defined(__linux__)
extern template class BasicDoorbell<PortableSleeper>;
#endif

using Doorbell = BasicDoorbell<Sleeper>;

}  // namespace millrace::rt
