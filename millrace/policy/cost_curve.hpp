#pragma once

#include <cstdint>

#include "millrace/base/time.hpp"

namespace millrace::policy {

/// What a batch of b inputs costs, T(b) = a + c*b, learned from the runs of the node itself, with a
/// moving average of one run beside it. Never negative, never NaN, whatever it is told.
///   source   least squares with exponential forgetting: a run counts 0.9 times as much with each
///            run after it (alpha 0.1, as the moving average), so a node that becomes slower is
///            believed after about ten runs
///   units    clock time; figures in microseconds
///   threads  one at a time; never blocks or allocates
class CostCurve {
 public:
  static constexpr double kAlpha = 0.1;
  /// Longer runs count as this long: one hung call must not be remembered for ever.
  static constexpr base::Duration kLongestRun = std::chrono::minutes{10};

  /// A run of `batch` inputs took `took`. Nothing is learned from an empty batch.
  void observe(std::uint32_t batch, base::Duration took) noexcept;
  /// The average that the manifest declares, until the first run is seen.
  void declare_average(base::Duration average) noexcept;

  /// What a batch of `batch` will probably take; 0 while nothing is known. Until two sizes were
  /// seen, never less than what was seen, and in proportion to the size beyond it.
  [[nodiscard]] base::Duration cost(std::uint32_t batch) const noexcept;

  /// Runs of different sizes were seen, so that a and c can be told apart.
  [[nodiscard]] bool identified() const noexcept { return identified_; }
  [[nodiscard]] std::uint64_t runs() const noexcept { return runs_; }
  [[nodiscard]] std::uint32_t largest_batch() const noexcept { return largest_batch_; }
  [[nodiscard]] double fixed_us() const noexcept { return fixed_us_; }          ///< a
  [[nodiscard]] double per_input_us() const noexcept { return per_input_us_; }  ///< c
  [[nodiscard]] double avg_processing_us() const noexcept { return average_us_; }

 private:
  void fit() noexcept;

  double weight_ = 0.0;
  double batch_ = 0.0;         ///< mean of b
  double took_ = 0.0;          ///< mean of T
  double batch_spread_ = 0.0;  ///< variance of b
  double covariance_ = 0.0;    ///< of b and T
  double fixed_us_ = 0.0;
  double per_input_us_ = 0.0;
  double average_us_ = 0.0;
  std::uint64_t runs_ = 0;
  std::uint32_t largest_batch_ = 0;
  bool identified_ = false;
};

}  // namespace millrace::policy
