#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "apps/millrace/bench/speculation.hpp"

namespace millrace::app {

/// The figures by their public names. What was not measured is null, is named in `stubs`, and
/// `notes` says why; `notes` also says from where to where each latency counts.
///   units    _us: microseconds; fractions: 0 to 1
[[nodiscard]] nlohmann::ordered_json speculation_figures(const SpeculationCounts& counts);

/// The figures for a person.
[[nodiscard]] std::string speculation_table(const SpeculationCounts& counts);

}  // namespace millrace::app
