#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "apps/millrace/bench/latency.hpp"

namespace millrace::app {

/// Samples below which a quantile is not a claim: a P99 is then noted, a P99.9 is not given.
inline constexpr std::uint64_t kSamplesForP99 = 10'000;
inline constexpr std::uint64_t kSamplesForP999 = 100'000;

/// The figures of one pattern, by their public names. What was not measured is null, is named in
/// `stubs`, and `notes` says why.
///   units    _us: microseconds with one decimal; cores: CPU seconds per second
[[nodiscard]] nlohmann::ordered_json latency_figures(const LatencyCounts& counts,
                                                     const graph::Plan& plan);

/// The figures of the whole run: those of the last pattern measured (aligned, the worst case, when
/// both are), and each pattern's own under `phases`.
[[nodiscard]] nlohmann::ordered_json latency_figures(std::span<const LatencyCounts> patterns,
                                                     const graph::Plan& plan);

/// The figures for a person: one column for each pattern.
[[nodiscard]] std::string latency_table(std::span<const LatencyCounts> patterns,
                                        const graph::Plan& plan);

/// True when the P99 of every pattern keeps to the bound, or there is none.
[[nodiscard]] bool bound_kept(std::span<const LatencyCounts> patterns,
                              std::optional<double> max_p99_us);

}  // namespace millrace::app
