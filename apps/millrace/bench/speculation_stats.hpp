#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace millrace::app {

/// The value that the share `q` of `values` does not exceed (nearest rank); nothing of nothing.
[[nodiscard]] std::optional<double> quantile(std::vector<double> values, double q);

struct Interval {
  double low = 0.0;
  double high = 0.0;
};

/// The bootstrap 95 % interval of a statistic over `groups` things (files, pairs) that are drawn
/// again with repeats: `statistic` gets the numbers of those drawn, and may answer nothing. A fixed
/// seed: the same data give the same interval.
///   source  B. Efron, "Bootstrap Methods: Another Look at the Jackknife", 1979; percentile method
[[nodiscard]] std::optional<Interval> bootstrap(
    std::size_t groups,
    const std::function<std::optional<double>(const std::vector<std::size_t>&)>& statistic,
    std::size_t draws = 1000);

/// The interval of the median of `values`, each drawn by itself.
[[nodiscard]] std::optional<Interval> bootstrap_median(const std::vector<double>& values);

}  // namespace millrace::app
