#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "apps/millrace/bench/batching_engine.hpp"

namespace millrace::app {

/// Adds the `engine_` figures, with a note of what begins and ends each. Without a study they are
/// null and named in `stubs`; so is the single figure that a study could not tell.
void add_engine_figures(nlohmann::ordered_json& figures, const std::optional<EngineStudy>& study);
/// The figures for a person.
[[nodiscard]] std::string engine_table(const EngineStudy& study);

}  // namespace millrace::app
