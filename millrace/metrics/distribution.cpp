#include "millrace/metrics/distribution.hpp"

#include <algorithm>
#include <cmath>

namespace millrace::metrics {

void Distribution::merge(const Distribution& other) noexcept {
  for (std::size_t b = 0; b < counts_.size(); ++b) counts_[b] += other.counts_[b];
  count_ += other.count_;
  add_totals(other.sum_, other.max_);
}

std::uint64_t Distribution::quantile(double q) const noexcept {
  if (count_ == 0) return 0;
  // Written so that a NaN asks for the smallest value rather than for an undefined rank.
  const double share = q > 0.0 ? std::min(q, 1.0) : 0.0;
  const auto rank = std::clamp<std::uint64_t>(
      static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_))), 1, count_);
  std::uint64_t seen = 0;
  for (std::size_t b = 0; b < counts_.size(); ++b) {
    seen += counts_[b];
    if (seen < rank) continue;
    // The last bucket has no upper edge; and no bucket's edge is more than what was really seen.
    return b + 1 == counts_.size() ? max_ : std::min(log_linear::highest(b), max_);
  }
  return max_;
}

std::uint64_t Distribution::count_up_to(std::uint64_t bound) const noexcept {
  std::uint64_t seen = 0;
  const std::size_t last = log_linear::bucket_of(bound);
  for (std::size_t b = 0; b <= last; ++b) seen += counts_[b];
  return seen;
}

}  // namespace millrace::metrics
