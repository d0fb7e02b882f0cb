#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/millrace/bench/batching_world.hpp"

namespace millrace::app {

/// What `millrace bench batching` was asked for.
///   only  "policy" runs in virtual time, "engine" in real time
struct BatchingOptions {
  std::size_t requests = 3000;  ///< of each trace
  std::size_t seeds = 3;
  std::uint32_t max_batch = 8;
  std::string only = "all";
  bool quick = false;  ///< of the engines: a look, not figures to publish
  bool json = false;

  [[nodiscard]] bool runs(std::string_view part) const { return only == "all" || only == part; }
};

/// Parts of what the machine can do with full batches.
inline constexpr std::array<double, 10> kBatchLoads{0.1, 0.2, 0.3, 0.4, 0.5,
                                                    0.6, 0.7, 0.8, 0.9, 0.95};
inline constexpr std::array<std::int64_t, 6> kFixedWaitsMs{5, 10, 20, 50, 100, 200};

/// One policy on one trace and one machine at one load, over all seeds.
struct BatchingCell {
  double load = 0.0;
  double offered_per_s = 0.0;
  double in_time_per_s = 0.0;
  double in_time = 0.0;          ///< share of all requests
  std::optional<double> p50_ms;  ///< nothing: that many were never done
  std::optional<double> p95_ms;
  double mean_batch = 0.0;
};

struct BatchingRow {
  std::string policy;
  std::string_view cost;
  std::string_view trace;
  std::vector<BatchingCell> cells;  ///< by kBatchLoads
};

/// What one policy reaches on one machine.
struct BatchingReach {
  std::string policy;
  double saturated_per_s = 0.0;  ///< done while 1.5 times the capacity came, without deadlines
  double gain = 0.0;             ///< over unbatched
  double sustained_per_s = 0.0;  ///< highest Poisson rate whose P95 is under kInTime
};

/// What a normal session gets in time beside one that floods, as a share of what it gets without.
struct BatchingFairness {
  double normal_load = 0.0;
  double flood_load = 0.0;
  double mean = 0.0;
  double worst_session = 0.0;
};

struct BatchingMachine {
  BatchCost cost;
  double bound = 0.0;
  std::vector<BatchingReach> reach;  ///< ours first, unbatched second
  std::vector<BatchingFairness> fairness;
};

struct BatchingStudy {
  BatchingOptions options;
  std::vector<BatchingRow> rows;
  std::vector<BatchingMachine> machines;  ///< by kBatchCosts
};

inline constexpr std::string_view kOurs = "ours";
inline constexpr std::string_view kUnbatched = "unbatched";
inline constexpr std::string_view kOptimum = "offline_optimum";

/// Plays every policy on every trace, machine and load in virtual time. The same options give the
/// same study, bit for bit.
[[nodiscard]] BatchingStudy study_batching(const BatchingOptions& options,
                                           const std::function<void(double done)>& progress);

/// The row of a policy; it must be there.
[[nodiscard]] const BatchingRow& row_of(const BatchingStudy& study, std::string_view policy,
                                        std::string_view cost, std::string_view trace);

}  // namespace millrace::app
