#include "millrace/metrics/histogram.hpp"

namespace millrace::metrics {

void Histogram::merge(const Histogram& other) noexcept {
  for (std::size_t b = 0; b < counts_.size(); ++b)
    bump(counts_[b], other.counts_[b].load(kRelaxed));
  bump(sum_, other.sum());
  if (other.max() > max()) max_.store(other.max(), kRelaxed);
}

void Histogram::add_to(Distribution& sum) const noexcept {
  for (std::size_t b = 0; b < counts_.size(); ++b) sum.add(b, counts_[b].load(kRelaxed));
  sum.add_totals(sum_.load(kRelaxed), max_.load(kRelaxed));
}

Distribution Histogram::distribution() const noexcept {
  Distribution whole;
  add_to(whole);
  return whole;
}

}  // namespace millrace::metrics
