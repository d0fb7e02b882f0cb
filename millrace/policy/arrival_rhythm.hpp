#pragma once

#include <algorithm>
#include <cstdint>

#include "millrace/base/time.hpp"

namespace millrace::policy {

/// Tells whether a burst is in flight: each of the last two gaps between arrivals was at most the
/// window, and since the last arrival not more than the window and twice the usual gap have passed.
/// Two gaps, because one happens by chance at any load.
///   threads  one at a time; never blocks or allocates
class ArrivalRhythm {
 public:
  void arrived(base::Instant at) noexcept {
    if (arrivals_ > 0) {
      before_last_ = last_;
      last_ = std::max(at - at_, base::Duration{0});
      const double gap_us = std::chrono::duration<double, std::micro>(last_).count();
      mean_gap_us_ += (gaps_ < 100 ? 1.0 / ++gaps_ : kSlow) * (gap_us - mean_gap_us_);
    }
    at_ = at;
    if (arrivals_ < 3) ++arrivals_;
  }

  [[nodiscard]] bool burst(base::Instant now, base::Duration window) const noexcept {
    return arrivals_ == 3 && last_ <= window && before_last_ <= window && now < over_at(window);
  }
  /// When the burst counts as over if nothing more comes.
  [[nodiscard]] base::Instant over_at(base::Duration window) const noexcept {
    return at_ + std::min(window, 2 * gap());
  }
  /// How much of a machine that takes `each_us` for an arrival is asked for, 0 to 1.
  [[nodiscard]] double load(double each_us) const noexcept {
    return mean_gap_us_ > each_us ? each_us / mean_gap_us_ : 1.0;
  }
  /// The usual gap: the larger of the last two.
  [[nodiscard]] base::Duration gap() const noexcept { return std::max(last_, before_last_); }

 private:
  static constexpr double kSlow = 0.01;  ///< the mean gap is that of about a hundred arrivals

  base::Instant at_{};
  base::Duration last_{0};
  base::Duration before_last_{0};
  double mean_gap_us_ = 0.0;
  std::uint32_t gaps_ = 0;
  std::uint32_t arrivals_ = 0;  ///< counted up to three
};

}  // namespace millrace::policy
