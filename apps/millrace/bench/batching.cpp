#include "apps/millrace/bench/batching.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "apps/millrace/bench/batching_policies.hpp"
#include "millrace/base/check.hpp"

namespace millrace::app {
namespace {

constexpr double kSaturation = 1.5;
constexpr std::uint64_t kSeedStep = 104'729;  // not one of those that the batcher was tuned with

struct Contestant {
  std::string name;
  std::function<std::unique_ptr<BatchScheduler>(const BatchCost&)> make;
};

std::vector<Contestant> contestants(std::uint32_t max_batch) {
  std::vector<Contestant> all;
  all.push_back({std::string{kOurs}, [=](const BatchCost&) { return our_scheduler(max_batch); }});
  all.push_back({std::string{kUnbatched}, [](const BatchCost&) { return unbatched_scheduler(); }});
  for (const std::int64_t ms : kFixedWaitsMs) {
    all.push_back({fmt::format("fixed_{}ms", ms), [=](const BatchCost&) {
                     return fixed_wait_scheduler(max_batch, std::chrono::milliseconds{ms});
                   }});
  }
  all.push_back({"aimd", [=](const BatchCost&) { return aimd_scheduler(max_batch); }});
  all.push_back({"earliest_deadline", [=](const BatchCost& cost) {
                   return earliest_deadline_scheduler(max_batch, cost);
                 }});
  return all;
}

std::uint64_t seed_of(std::size_t run) {
  return (run + 1) * kSeedStep;
}

std::optional<double> ms(std::optional<base::Duration> d) {
  if (!d) return std::nullopt;
  return std::chrono::duration<double, std::milli>(*d).count();
}

/// Several outcomes as one.
BatchOutcome joined(std::vector<BatchOutcome> parts) {
  BatchOutcome all;
  for (BatchOutcome& part : parts) {
    all.latencies.insert(all.latencies.end(), part.latencies.begin(), part.latencies.end());
    all.runs += part.runs;
    all.completed += part.completed;
    all.in_time += part.in_time;
    all.length += part.length;
  }
  return all;
}

BatchingCell cell_of(const BatchOutcome& outcome, double load, double per_second) {
  const auto all = static_cast<double>(outcome.latencies.size());
  const double length = std::chrono::duration<double>(outcome.length).count();
  return {.load = load,
          .offered_per_s = per_second,
          .in_time_per_s = static_cast<double>(outcome.in_time) / length,
          .in_time = static_cast<double>(outcome.in_time) / all,
          .p50_ms = ms(outcome.quantile(0.50)),
          .p95_ms = ms(outcome.quantile(0.95)),
          .mean_batch = outcome.runs == 0 ? 0.0
                                          : static_cast<double>(outcome.completed) /
                                                static_cast<double>(outcome.runs)};
}

class Study {
 public:
  Study(const BatchingOptions& options, const std::function<void(double)>& progress)
      : options_(options), progress_(progress), contestants_(contestants(options.max_batch)) {}

  BatchingStudy run() {
    BatchingStudy study{.options = options_, .rows = {}, .machines = {}};
    for (const BatchCost& cost : kBatchCosts) {
      for (const TraceKind kind : kTraceKinds) add_rows(study, cost, kind);
      study.machines.push_back(machine(cost));
    }
    return study;
  }

 private:
  void add_rows(BatchingStudy& study, const BatchCost& cost, TraceKind kind) {
    std::vector<BatchingRow> rows;
    for (const Contestant& one : contestants_)
      rows.push_back({one.name, cost.name, name(kind), {}});
    BatchingRow optimum{std::string{kOptimum}, cost.name, name(kind), {}};
    for (const double load : kBatchLoads) {
      const double rate = load * cost.capacity(options_.max_batch);
      std::vector<std::vector<BatchOutcome>> outcomes(contestants_.size());
      BatchOutcome best;
      for (std::size_t run = 0; run < options_.seeds; ++run) {
        const auto trace = batch_trace(kind, rate, options_.requests, seed_of(run));
        for (std::size_t i = 0; i < contestants_.size(); ++i) {
          const auto scheduler = contestants_[i].make(cost);
          outcomes[i].push_back(simulate_batching(trace, cost, *scheduler));
        }
        best.in_time += most_in_time(trace, cost, options_.max_batch);
        best.latencies.resize(best.latencies.size() + trace.size());
        best.length += trace.back().at.since_start;
      }
      for (std::size_t i = 0; i < contestants_.size(); ++i)
        rows[i].cells.push_back(cell_of(joined(std::move(outcomes[i])), load, rate));
      optimum.cells.push_back(cell_of(best, load, rate));
      progress_(static_cast<double>(++done_) /
                (kBatchCosts.size() * kTraceKinds.size() * kBatchLoads.size()));
    }
    rows.push_back(std::move(optimum));
    std::move(rows.begin(), rows.end(), std::back_inserter(study.rows));
  }

  BatchingMachine machine(const BatchCost& cost) const {
    BatchingMachine machine{
        .cost = cost, .bound = cost.bound(options_.max_batch), .reach = {}, .fairness = {}};
    for (const Contestant& one : contestants_)
      machine.reach.push_back({one.name, saturated(cost, one), 0.0, sustained(cost, one)});
    for (BatchingReach& reach : machine.reach)
      reach.gain = reach.saturated_per_s / machine.reach[1].saturated_per_s;
    for (const double normal : {0.1, 0.3, 0.5, 0.7, 0.8})
      for (const double flood : {1.0, 3.0})
        machine.fairness.push_back(fairness(cost, normal, flood));
    return machine;
  }

  double saturated(const BatchCost& cost, const Contestant& one) const {
    const double rate = kSaturation * cost.capacity(options_.max_batch);
    const auto trace = batch_trace(TraceKind::poisson, rate, options_.requests, seed_of(0));
    const auto scheduler = one.make(cost);
    const BatchOutcome out = simulate_batching(trace, cost, *scheduler, false);
    return static_cast<double>(out.completed_while_load_lasts) /
           std::chrono::duration<double>(out.length).count();
  }

  /// By halving, to 1 % of the capacity; the P95 grows with the load.
  double sustained(const BatchCost& cost, const Contestant& one) const {
    const double capacity = cost.capacity(options_.max_batch);
    double good = 0.0;
    double bad = 1.5;
    while (bad - good > 0.01) {
      const double load = (good + bad) / 2.0;
      const auto trace =
          batch_trace(TraceKind::poisson, load * capacity, options_.requests, seed_of(0));
      const auto scheduler = one.make(cost);
      const auto p95 = simulate_batching(trace, cost, *scheduler).quantile(0.95);
      (p95 && *p95 < kInTime ? good : bad) = load;
    }
    return good * capacity;
  }

  BatchingFairness fairness(const BatchCost& cost, double normal, double flood) const {
    const double capacity = cost.capacity(options_.max_batch);
    const auto length = std::chrono::duration_cast<base::Duration>(std::chrono::duration<double>(
        static_cast<double>(options_.requests) / (normal * capacity)));
    std::array<double, kNormalSessions + 1> alone{};
    std::array<double, kNormalSessions + 1> beside{};
    const auto count = [&](double flood_load, auto& in_time) {
      const auto trace =
          beside_a_flood(normal * capacity, flood_load * capacity, length, seed_of(0));
      const auto scheduler = our_scheduler(options_.max_batch);
      const BatchOutcome out = simulate_batching(trace, cost, *scheduler);
      for (std::size_t i = 0; i < trace.size(); ++i)
        if (trace[i].session <= kNormalSessions && out.latencies[i] && *out.latencies[i] <= kInTime)
          ++in_time[trace[i].session];
    };
    count(0.0, alone);
    count(flood, beside);
    BatchingFairness result{.normal_load = normal, .flood_load = flood, .worst_session = 1.0};
    for (std::size_t s = 1; s <= kNormalSessions; ++s) {
      const double share = alone[s] > 0.0 ? beside[s] / alone[s] : 1.0;
      result.mean += share / kNormalSessions;
      result.worst_session = std::min(result.worst_session, share);
    }
    return result;
  }

  BatchingOptions options_;
  const std::function<void(double)>& progress_;
  std::vector<Contestant> contestants_;
  std::size_t done_ = 0;
};

}  // namespace

BatchingStudy study_batching(const BatchingOptions& options,
                             const std::function<void(double)>& progress) {
  return Study(options, progress).run();
}

const BatchingRow& row_of(const BatchingStudy& study, std::string_view policy,
                          std::string_view cost, std::string_view trace) {
  const auto row = std::find_if(study.rows.begin(), study.rows.end(), [&](const BatchingRow& r) {
    return r.policy == policy && r.cost == cost && r.trace == trace;
  });
  MR_CHECK(row != study.rows.end(), "every policy has a row for every machine and trace");
  return *row;
}

}  // namespace millrace::app
