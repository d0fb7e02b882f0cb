#pragma once

#include <atomic>
#include <cstdint>

#include "millrace/base/annotations.hpp"
#include "millrace/metrics/switch.hpp"

namespace millrace::metrics {

/// Exponential moving average: the latest value counts a tenth, so that a change is believed after
/// about ten values.
///   threads  declare(), add(): one writer; value(): any
class MovingAverage {
 public:
  static constexpr double kAlpha = 0.1;

  /// What is believed until the first value comes.
  void declare(double value) noexcept MR_NONBLOCKING {
    if constexpr (kEnabled)
      if (!known_) value_.store(value, std::memory_order_relaxed);
  }
  void add(double value) noexcept MR_NONBLOCKING {
    if constexpr (kEnabled) {
      const double before = value_.load(std::memory_order_relaxed);
      value_.store(known_ ? before + kAlpha * (value - before) : value, std::memory_order_relaxed);
      known_ = true;
    }
  }
  [[nodiscard]] double value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  /// Written by the one writer, read by any (relaxed: it stands for itself).
  std::atomic<double> value_{0.0};
  bool known_ = false;
};

/// What batches of a stage were learned to cost: T(b) = fixed + per_input * b.
struct BatchCost {
  std::uint64_t runs = 0;
  bool identified = false;  ///< runs of different sizes were seen: the two can be told apart
  double fixed_us = 0.0;
  double per_input_us = 0.0;
};

/// A BatchCost that its owner republishes after each run.
///   threads  publish(): one writer; value(): any. A reader may see one figure of the run before
///            beside the others of the last one; they differ by what one run teaches.
class PublishedCost {
 public:
  void publish(const BatchCost& cost) noexcept MR_NONBLOCKING {
    if constexpr (kEnabled) {
      fixed_us_.store(cost.fixed_us, kRelaxed);
      per_input_us_.store(cost.per_input_us, kRelaxed);
      identified_.store(cost.identified, kRelaxed);
      runs_.store(cost.runs, kRelaxed);
    }
  }
  [[nodiscard]] BatchCost value() const noexcept {
    return {.runs = runs_.load(kRelaxed),
            .identified = identified_.load(kRelaxed),
            .fixed_us = fixed_us_.load(kRelaxed),
            .per_input_us = per_input_us_.load(kRelaxed)};
  }

 private:
  static constexpr auto kRelaxed = std::memory_order_relaxed;
  /// All written by the one writer, read by any.
  std::atomic<std::uint64_t> runs_{0};
  std::atomic<bool> identified_{false};
  std::atomic<double> fixed_us_{0.0};
  std::atomic<double> per_input_us_{0.0};
};

}  // namespace millrace::metrics
