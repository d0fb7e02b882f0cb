#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>

#include "millrace/base/annotations.hpp"
#include "millrace/base/time.hpp"
#include "millrace/metrics/distribution.hpp"
#include "millrace/metrics/log_linear.hpp"
#include "millrace/metrics/switch.hpp"

namespace millrace::metrics {

/// The spans that percentiles slide over.
enum class Window : std::uint8_t { one_minute, five_minutes, fifteen_minutes };
inline constexpr std::array kWindows{Window::one_minute, Window::five_minutes,
                                     Window::fifteen_minutes};

/// "1min", "5min", "15min".
[[nodiscard]] std::string_view name(Window window) noexcept;
[[nodiscard]] base::Duration span_of(Window window) noexcept;

/// Percentiles over the last 1, 5 and 15 minutes, with the error bound of Histogram.
///   threads  record(): one writer; snapshot(): any thread, meanwhile
///   units    the caller's (nanoseconds, mostly)
/// Time is cut into slots, of 10 s for the first window and 60 s for the others. A value counts for
/// at least the whole window and is gone at most one slot later. kBytes are taken by the
/// constructor, none later: record() adds to two slots, and clears one (9.5 KB) when a slot begins.
class SlidingHistogram {
 public:
  SlidingHistogram();

  /// `now` must not run backwards by more than a slot; such a value is counted as of the newest
  /// slot.
  void record(base::Instant now, std::uint64_t value) noexcept MR_NONBLOCKING {
    if constexpr (kEnabled) {
      const std::size_t bucket = log_linear::bucket_of(value);
      fine_.record(now, bucket, value);
      coarse_.record(now, bucket, value);
    }
  }

  /// What was recorded in the window that ends at `now`. A value recorded meanwhile may be missing.
  [[nodiscard]] Distribution snapshot(Window window, base::Instant now) const noexcept;

 private:
  static constexpr auto kRelaxed = std::memory_order_relaxed;

  struct Slot {
    /// Number of the slot of time it holds, or kNone while it is being cleared. Written by the
    /// writer, read by snapshot() before and after the counts: equal means nothing was cleared.
    std::atomic<std::int64_t> number{kNone};
    std::atomic<std::uint64_t> sum{0};
    std::atomic<std::uint64_t> max{0};
    /// Written by the writer. 32 bits: 4 * 10^9 values fit into a minute at 70 million a second.
    std::array<std::atomic<std::uint32_t>, log_linear::kBuckets> counts{};
  };
  static constexpr std::int64_t kNone = -1;

  /// Ring of slots of one length.
  class Tier {
   public:
    Tier(base::Duration slot, std::size_t slots);
    void record(base::Instant now, std::size_t bucket, std::uint64_t value) noexcept {
      // One compare on the way: a division only when a slot ends.
      if (now >= ends_) [[unlikely]]
        begin_slot(now);
      Slot& slot = slots_[current_];
      slot.counts[bucket].store(slot.counts[bucket].load(kRelaxed) + 1, kRelaxed);
      slot.sum.store(slot.sum.load(kRelaxed) + value, kRelaxed);
      if (value > slot.max.load(kRelaxed)) slot.max.store(value, kRelaxed);
    }
    void add_since(base::Instant from, base::Instant now, Distribution& sum) const noexcept;

   private:
    void begin_slot(base::Instant now) noexcept;
    [[nodiscard]] std::int64_t number_at(base::Instant at) const noexcept {
      return at.since_start < base::Duration{0} ? 0 : at.since_start / slot_;
    }

    base::Duration slot_;
    std::size_t size_;
    std::unique_ptr<Slot[]> slots_;
    std::size_t current_ = 0;  ///< writer only
    base::Instant ends_{};     ///< writer only: when the current slot ends
  };

  static constexpr base::Duration kFineSlot = std::chrono::seconds{10};
  static constexpr base::Duration kCoarseSlot = std::chrono::seconds{60};
  /// Enough for the longest window, for the slot in progress, and one spare, so that a reader whose
  /// `now` lags a little still finds the oldest slot.
  static constexpr std::size_t kFineSlots = 6 + 2;
  static constexpr std::size_t kCoarseSlots = 15 + 2;

  Tier fine_;
  Tier coarse_;

 public:
  /// Memory of one object, all of it.
  static constexpr std::size_t kBytes = (kFineSlots + kCoarseSlots) * sizeof(Slot);
};

static_assert(SlidingHistogram::kBytes < 240'000, "what the documentation promises");

}  // namespace millrace::metrics
