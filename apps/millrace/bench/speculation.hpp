#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "apps/millrace/bench/speculation_load.hpp"
#include "apps/millrace/bench/speculation_policy.hpp"
#include "apps/millrace/bench/speculation_reply.hpp"

namespace millrace::app {

/// What `millrace bench speculation` was asked for.
///   only  "policy" and "theory" run on the virtual clock; "load" and "reply" in real time
struct SpeculationOptions {
  std::int64_t sessions = 100;
  double seconds = 30.0;  ///< of load, over both phase patterns
  std::int64_t files = 16;
  std::string only = "all";
  bool quick = false;
  bool json = false;
  std::string prompts = kPromptFolder;

  [[nodiscard]] bool runs(const std::string& part) const { return only == "all" || only == part; }
};

/// What was counted; parts that were not asked for are empty.
struct SpeculationCounts {
  std::size_t files = 0;
  std::size_t turns = 0;
  double audio_s = 0.0;
  std::vector<OnsetCounts> onsets;
  std::vector<TurnPoint> curve;
  std::size_t verdicts = 0;
  std::vector<CancelCounts> cancels;  ///< one for each phase pattern
  std::optional<ReplyCounts> theory;  ///< on the virtual clock
  std::optional<ReplyCounts> replies;
};

/// Runs the parts one after the other.
///   errors    unavailable, with the remedy, when prompts or models are missing
///   threads   control; starts engines of its own and ends them
///   progress  told what is under way
[[nodiscard]] base::Result<SpeculationCounts> measure_speculation(
    const SpeculationOptions& options, const std::function<void(const std::string&)>& progress);

}  // namespace millrace::app
