#include "millrace/metrics/sliding_histogram.hpp"

namespace millrace::metrics {

std::string_view name(Window window) noexcept {
  switch (window) {
    case Window::one_minute: return "1min";
    case Window::five_minutes: return "5min";
    case Window::fifteen_minutes: return "15min";
  }
  return "15min";
}

base::Duration span_of(Window window) noexcept {
  switch (window) {
    case Window::one_minute: return std::chrono::minutes{1};
    case Window::five_minutes: return std::chrono::minutes{5};
    case Window::fifteen_minutes: return std::chrono::minutes{15};
  }
  return std::chrono::minutes{15};
}

SlidingHistogram::SlidingHistogram()
    : fine_(kFineSlot, kEnabled ? kFineSlots : 0),
      coarse_(kCoarseSlot, kEnabled ? kCoarseSlots : 0) {}

Distribution SlidingHistogram::snapshot(Window window, base::Instant now) const noexcept {
  Distribution sum;
  const base::Instant from = now - span_of(window);
  (window == Window::one_minute ? fine_ : coarse_).add_since(from, now, sum);
  return sum;
}

SlidingHistogram::Tier::Tier(base::Duration slot, std::size_t slots)
    : slot_(slot), size_(slots), slots_(std::make_unique<Slot[]>(slots)) {}

void SlidingHistogram::Tier::begin_slot(base::Instant now) noexcept {
  const std::int64_t number = number_at(now);
  current_ = static_cast<std::size_t>(number) % size_;
  ends_ = {slot_ * (number + 1)};
  Slot& slot = slots_[current_];
  // Release stores: a reader that sees a cleared count sees kNone as well when it looks again.
  slot.number.store(kNone, std::memory_order_release);
  for (auto& count : slot.counts) count.store(0, std::memory_order_release);
  slot.sum.store(0, std::memory_order_release);
  slot.max.store(0, std::memory_order_release);
  slot.number.store(number, std::memory_order_release);
}

void SlidingHistogram::Tier::add_since(base::Instant from, base::Instant now,
                                       Distribution& sum) const noexcept {
  const std::int64_t oldest = number_at(from);
  const std::int64_t newest = number_at(now);
  std::array<std::uint32_t, log_linear::kBuckets> counts;
  for (std::size_t s = 0; s < size_; ++s) {
    const Slot& slot = slots_[s];
    const std::int64_t number = slot.number.load(std::memory_order_acquire);
    if (number == kNone || number < oldest || number > newest) continue;
    // Acquire loads keep the second look at the number behind the counts.
    for (std::size_t b = 0; b < counts.size(); ++b)
      counts[b] = slot.counts[b].load(std::memory_order_acquire);
    const std::uint64_t total = slot.sum.load(std::memory_order_acquire);
    const std::uint64_t max = slot.max.load(std::memory_order_acquire);
    if (slot.number.load(kRelaxed) != number) continue;  // reused meanwhile: it had expired
    for (std::size_t b = 0; b < counts.size(); ++b) sum.add(b, counts[b]);
    sum.add_totals(total, max);
  }
}

}  // namespace millrace::metrics
