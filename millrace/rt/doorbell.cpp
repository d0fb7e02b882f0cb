#include "millrace/rt/doorbell.hpp"

namespace millrace::rt {

template <class SleeperT>
void BasicDoorbell<SleeperT>::ring() noexcept {
  rings_.fetch_add(1, kRelaxed);
  // An exchange even when it is rung already: a plain look could be ordered before the caller's
  // push became visible, and the owner would then take the ring and miss the push.
  if (state_.exchange(kRung, std::memory_order_acq_rel) != kAsleep) return;
  wake_calls_.fetch_add(1, kRelaxed);
  sleeper_.wake(state_);
}

template <class SleeperT>
bool BasicDoorbell<SleeperT>::try_take() noexcept MR_NONBLOCKING {
  std::uint32_t expected = kRung;
  return state_.compare_exchange_strong(expected, kSilent, std::memory_order_acq_rel);
}

template <class SleeperT>
bool BasicDoorbell<SleeperT>::wait_until(TimePoint deadline) noexcept {
  for (;;) {
    if (try_take()) return true;
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::uint32_t expected = kSilent;
    if (!state_.compare_exchange_strong(expected, kAsleep, std::memory_order_acq_rel)) continue;
    sleeper_.sleep_while(state_, kAsleep, deadline);
    wake_ups_.fetch_add(1, kRelaxed);
    if (state_.exchange(kSilent, std::memory_order_acq_rel) == kRung) return true;
  }
}

template <class SleeperT>
bool BasicDoorbell<SleeperT>::wait_for(base::Duration span) noexcept {
  const TimePoint now = std::chrono::steady_clock::now();
  // A span past the clock's end means "without a deadline".
  const auto room = TimePoint::max() - now;
  return wait_until(span >= room ? TimePoint::max() : now + span);
}

template class BasicDoorbell<Sleeper>;
#if defined(__linux__)
template class BasicDoorbell<PortableSleeper>;
#endif

}  // namespace millrace::rt
