#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "apps/millrace/bench/batching.hpp"
#include "apps/millrace/bench/batching_engine.hpp"

namespace millrace::app {

/// Where a policy that could really run does better than ours: the worst load of each trace.
struct BatchingLoss {
  std::string figure;  ///< in_time: more in time; low_load_p50: a shorter median at the lowest load
  std::string policy;
  std::string cost;
  std::string trace;
  double load = 0.0;
  double ours = 0.0;  ///< in_time: share; low_load_p50: ms
  double theirs = 0.0;
  double advantage = 0.0;  ///< of theirs, relative to ours
};

/// All losses of more than 0.1 %, the largest first.
[[nodiscard]] std::vector<BatchingLoss> batching_losses(const BatchingStudy& study);

/// The largest share by which a fixed wait has more in time than ours, over machines, traces and
/// loads; negative when none has.
[[nodiscard]] double best_fixed_wait_advantage(const BatchingStudy& study);

/// The figures by their public names. Those of a part that was not run are null and named in
/// `stubs`, and `notes` says why.
[[nodiscard]] nlohmann::ordered_json batching_figures(const std::optional<BatchingStudy>& policies,
                                                      const std::optional<EngineStudy>& engines);
/// The figures of the policies for a person.
[[nodiscard]] std::string batching_table(const BatchingStudy& study);

}  // namespace millrace::app
