#pragma once

#include <array>
#include <cstdint>

#include "millrace/metrics/log_linear.hpp"

namespace millrace::metrics {

/// Counts by bucket, added up from one or more histograms: what quantiles are asked of.
///   threads  one at a time; about 19 KB, so better not on a small stack
///   units    those of what was recorded
class Distribution {
 public:
  /// Adds `times` values that fell into `bucket`.
  void add(std::size_t bucket, std::uint64_t times) noexcept {
    counts_[bucket] += times;
    count_ += times;
  }
  /// Adds what the buckets do not know: the exact sum and largest value.
  void add_totals(std::uint64_t sum, std::uint64_t max) noexcept {
    sum_ += sum;
    if (max > max_) max_ = max;
  }
  void merge(const Distribution& other) noexcept;

  /// Smallest recorded value that at least the share `q` of all values does not exceed, never
  /// understated and at most 1.6 % over (values up to 2^42). 0 when nothing was recorded; `q` is
  /// brought into [0, 1].
  [[nodiscard]] std::uint64_t quantile(double q) const noexcept;
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] std::uint64_t count_in(std::size_t bucket) const noexcept {
    return counts_[bucket];
  }
  /// Values not above `bound`, as exactly as the buckets allow: buckets are counted whole.
  [[nodiscard]] std::uint64_t count_up_to(std::uint64_t bound) const noexcept;
  [[nodiscard]] std::uint64_t sum() const noexcept { return sum_; }
  [[nodiscard]] std::uint64_t max() const noexcept { return max_; }
  /// 0 when nothing was recorded.
  [[nodiscard]] double mean() const noexcept {
    return count_ == 0 ? 0.0 : static_cast<double>(sum_) / static_cast<double>(count_);
  }

 private:
  std::array<std::uint64_t, log_linear::kBuckets> counts_{};
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace millrace::metrics
