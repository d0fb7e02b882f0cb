#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apps/millrace/bench/batching_load.hpp"
#include "apps/millrace/bench/speculation_stats.hpp"

namespace millrace::app {

/// How long real engines are measured.
struct EngineEffort {
  std::size_t runs = 5;       ///< of each curve
  double saturation_s = 6.0;  ///< a stretch; there are four
  double rate_s = 9.0;        ///< of arrivals at each rate
  std::size_t rates = 5;      ///< tried for each plan
  double low_load_s = 15.0;   ///< a stretch; there are four
  double low_load = 0.1;      ///< of what one at a time reaches when saturated

  [[nodiscard]] static EngineEffort quick();
};

/// Requests under way when an engine is saturated: the fullest batch (10) runs, and two more wait.
inline constexpr std::size_t kSaturating = 32;
/// The first seconds of a saturated stretch do not count: the queue fills, costs are learned.
inline constexpr double kSaturationWarmUp = 1.0;

/// What one plan reached.
struct PlanReach {
  double saturated_per_s = 0.0;
  double saturated_cpu_ms = 0.0;    ///< processor time of a request
  double saturated_batch = 0.0;     ///< mean number of requests in a call
  SustainedRate sustained;          ///< P95 below kInTime
  double sustained_batch = 0.0;     ///< at the best rate
  std::vector<double> low_load_ms;  ///< latencies, in the order of the plan of arrivals
};

/// What real engines were measured to do, in real time.
struct EngineStudy {
  EngineEffort effort;
  EngineCurve recogniser;
  EngineCurve voice;
  PlanReach batched;
  PlanReach unbatched;
  std::optional<Interval> low_load_ratio;  ///< bootstrap 95 %, over requests
  double low_load_per_s = 0.0;
  double opened_p50_us = 0.0;        ///< to open a session; not in any latency
  double started_late_p99_ms = 0.0;  ///< of all requests of the open loops; in the latencies
  std::size_t requests = 0;          ///< in all
  std::size_t unanswered = 0;        ///< 60 s after the last one of their stretch
  std::size_t wordless = 0;
  std::size_t failures = 0;

  /// Requests a second when saturated, over one at a time.
  [[nodiscard]] double gain() const noexcept;
  /// The same in processor time: what else runs on the machine touches it less.
  [[nodiscard]] double cpu_gain() const noexcept;
  [[nodiscard]] std::optional<double> low_load_p50_ratio() const;
};

/// Measures the curves, then both plans: saturated, at rates around that, and with little to do.
/// What is compared runs in the order batched, unbatched, unbatched, batched.
///   threads   control; starts engines of its own and ends them
///   errors    unavailable, with the remedy, when prompts or models are missing
///   progress  told what is under way
[[nodiscard]] base::Result<EngineStudy> measure_engine(
    const EngineEffort& effort, const std::function<void(const std::string&)>& progress);

}  // namespace millrace::app
