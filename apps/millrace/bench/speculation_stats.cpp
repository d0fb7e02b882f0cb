#include "apps/millrace/bench/speculation_stats.hpp"

#include <algorithm>
#include <cmath>

#include "millrace/base/rng.hpp"

namespace millrace::app {

std::optional<double> quantile(std::vector<double> values, double q) {
  if (values.empty()) return std::nullopt;
  const double share = std::clamp(q, 0.0, 1.0) * static_cast<double>(values.size());
  const auto rank = static_cast<std::size_t>(std::max(std::ceil(share) - 1.0, 0.0));
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(rank);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

std::optional<Interval> bootstrap(
    std::size_t groups,
    const std::function<std::optional<double>(const std::vector<std::size_t>&)>& statistic,
    std::size_t draws) {
  if (groups < 2) return std::nullopt;
  base::Rng rng(20'261'128);
  std::vector<std::size_t> drawn(groups);
  std::vector<double> found;
  for (std::size_t i = 0; i < draws; ++i) {
    for (std::size_t& one : drawn) one = static_cast<std::size_t>(rng.below(groups));
    if (const auto value = statistic(drawn)) found.push_back(*value);
  }
  if (found.empty()) return std::nullopt;
  return Interval{*quantile(found, 0.025), *quantile(found, 0.975)};
}

std::optional<Interval> bootstrap_median(const std::vector<double>& values) {
  return bootstrap(values.size(), [&](const std::vector<std::size_t>& drawn) {
    std::vector<double> sample;
    for (const std::size_t i : drawn) sample.push_back(values[i]);
    return quantile(std::move(sample), 0.5);
  });
}

}  // namespace millrace::app
