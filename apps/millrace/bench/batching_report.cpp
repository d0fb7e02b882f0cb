#include "apps/millrace/bench/batching_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <map>
#include <tuple>

#include "apps/millrace/bench/batching_engine_report.hpp"

namespace millrace::app {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kLeastLoss = 0.001;
/// Where the headline figures are taken: the machine on which batching gains, at a rate that one by
/// one cannot carry.
constexpr std::string_view kHeadlineCost = "memory_bound";
constexpr double kHeadlineLoad = 0.8;
constexpr double kFairNormal = 0.5;
constexpr double kFairFlood = 1.0;
constexpr std::array<const char*, 9> kPolicyNames{"bound_gain",
                                                  "gain",
                                                  "gain_fraction_of_bound",
                                                  "low_load_p50_ratio",
                                                  "best_fixed_wait_advantage",
                                                  "p95_us",
                                                  "requests_per_s",
                                                  "fairness",
                                                  "policies"};

double rounded(double value, double digits = 1e4) {
  return std::round(value * digits) / digits;
}

Json rounded(const std::optional<double>& value) {
  return value ? Json(rounded(*value, 1e2)) : Json(nullptr);
}

const BatchingCell& at_load(const BatchingRow& row, double load) {
  return *std::min_element(row.cells.begin(), row.cells.end(), [&](const auto& a, const auto& b) {
    return std::abs(a.load - load) < std::abs(b.load - load);
  });
}

const BatchingMachine& headline(const BatchingStudy& study) {
  return *std::find_if(study.machines.begin(), study.machines.end(),
                       [](const BatchingMachine& m) { return m.cost.name == kHeadlineCost; });
}

double low_load_p50_ratio(const BatchingStudy& study, const BatchCost& cost) {
  const auto p50 = [&](std::string_view policy) {
    return row_of(study, policy, cost.name, "poisson").cells.front().p50_ms.value_or(0.0);
  };
  return p50(kUnbatched) > 0.0 ? p50(kOurs) / p50(kUnbatched) : 1.0;
}

const BatchingFairness& fairness_of(const BatchingMachine& machine) {
  return *std::find_if(machine.fairness.begin(), machine.fairness.end(), [](const auto& f) {
    return f.normal_load == kFairNormal && f.flood_load == kFairFlood;
  });
}

Json machine_json(const BatchingStudy& study, const BatchingMachine& machine) {
  Json out;
  out["curve"] = machine.cost.name;
  out["fixed_us"] = base::to_us(machine.cost.fixed);
  out["per_input_us"] = base::to_us(machine.cost.each);
  out["bound_gain"] = rounded(machine.bound);
  out["low_load_p50_ratio"] = rounded(low_load_p50_ratio(study, machine.cost));
  for (const BatchingReach& reach : machine.reach) {
    out["reach"].push_back({{"policy", reach.policy},
                            {"saturated_per_s", rounded(reach.saturated_per_s, 1e2)},
                            {"gain", rounded(reach.gain)},
                            {"gain_fraction_of_bound", rounded(reach.gain / machine.bound)},
                            {"sustained_per_s", rounded(reach.sustained_per_s, 1e2)}});
  }
  for (const BatchingFairness& f : machine.fairness) {
    out["fairness"].push_back({{"normal_load", f.normal_load},
                               {"flood_load", f.flood_load},
                               {"mean", rounded(f.mean)},
                               {"worst_session", rounded(f.worst_session)}});
  }
  return out;
}

Json row_json(const BatchingRow& row) {
  Json out{{"policy", row.policy}, {"curve", row.cost}, {"trace", row.trace}};
  const bool latencies = row.policy != kOptimum;
  for (const BatchingCell& cell : row.cells) {
    out["loads"].push_back(cell.load);
    out["offered_per_s"].push_back(rounded(cell.offered_per_s, 1e2));
    out["in_time_per_s"].push_back(rounded(cell.in_time_per_s, 1e2));
    out["in_time"].push_back(rounded(cell.in_time));
    if (!latencies) continue;
    out["p50_ms"].push_back(rounded(cell.p50_ms));
    out["p95_ms"].push_back(rounded(cell.p95_ms));
    out["mean_batch"].push_back(rounded(cell.mean_batch, 1e2));
  }
  return out;
}

Json loss_json(const BatchingLoss& loss) {
  return {{"figure", loss.figure},
          {"policy", loss.policy},
          {"curve", loss.cost},
          {"trace", loss.trace},
          {"load", loss.load},
          {"ours", rounded(loss.ours)},
          {"theirs", rounded(loss.theirs)},
          {"advantage", rounded(loss.advantage)}};
}

void add_policy_notes(Json& figures) {
  figures["notes"]["gain"] =
      "requests done per second over unbatched, memory-bound machine, at 1.5 times the capacity";
  figures["notes"]["gain_fraction_of_bound"] = "the least of the three machines";
  figures["notes"]["low_load_p50_ratio"] = "the largest of the three machines, Poisson, load 0.1";
  figures["notes"]["best_fixed_wait_advantage"] =
      "the largest of all machines, traces, loads and waits; negative: none is better";
  figures["notes"]["p95_us"] =
      "memory-bound machine, Poisson, load 0.8; so is requests_per_s, "
      "which counts those done within 300 ms";
  figures["notes"]["fairness"] =
      "a normal session's requests in time beside a flood of the whole capacity, over those "
      "without "
      "it; mean of 20 sessions at a load of 0.5, the least of the three machines";
}

void add_policies(Json& out, const BatchingStudy& study) {
  const BatchingMachine& main = headline(study);
  const BatchingCell& cell = at_load(row_of(study, kOurs, kHeadlineCost, "poisson"), kHeadlineLoad);
  double fraction = 2.0;
  double ratio = 0.0;
  double fair = 2.0;
  for (const BatchingMachine& machine : study.machines) {
    fraction = std::min(fraction, machine.reach.front().gain / machine.bound);
    ratio = std::max(ratio, low_load_p50_ratio(study, machine.cost));
    fair = std::min(fair, fairness_of(machine).mean);
  }
  out["bound_gain"] = rounded(main.bound);
  out["gain"] = rounded(main.reach.front().gain);
  out["gain_fraction_of_bound"] = rounded(fraction);
  out["low_load_p50_ratio"] = rounded(ratio);
  out["best_fixed_wait_advantage"] = rounded(best_fixed_wait_advantage(study));
  out["p95_us"] = cell.p95_ms ? Json(std::llround(*cell.p95_ms * 1e3)) : Json(nullptr);
  out["requests_per_s"] = rounded(cell.in_time_per_s, 1e2);
  out["fairness"] = rounded(fair);
  out["time"] = "virtual";
  out["max_batch"] = study.options.max_batch;
  out["requests"] = study.options.requests;
  out["seeds"] = study.options.seeds;
  add_policy_notes(out);
  out["machines"] = Json::array();
  for (const BatchingMachine& machine : study.machines)
    out["machines"].push_back(machine_json(study, machine));
  out["losses"] = Json::array();
  for (const BatchingLoss& loss : batching_losses(study)) out["losses"].push_back(loss_json(loss));
  out["policies"] = Json::array();
  for (const BatchingRow& row : study.rows) out["policies"].push_back(row_json(row));
}

}  // namespace

double best_fixed_wait_advantage(const BatchingStudy& study) {
  double most = -1.0;
  for (const BatchingRow& row : study.rows) {
    if (!row.policy.starts_with("fixed_")) continue;
    const BatchingRow& ours = row_of(study, kOurs, row.cost, row.trace);
    for (std::size_t i = 0; i < row.cells.size(); ++i)
      if (ours.cells[i].in_time > 0.0)
        most = std::max(most, row.cells[i].in_time / ours.cells[i].in_time - 1.0);
  }
  return most;
}

std::vector<BatchingLoss> batching_losses(const BatchingStudy& study) {
  std::vector<BatchingLoss> losses;
  for (const BatchingRow& row : study.rows) {
    if (row.policy == kOurs || row.policy == kOptimum) continue;
    const BatchingRow& ours = row_of(study, kOurs, row.cost, row.trace);
    BatchingLoss worst{"in_time", row.policy, std::string{row.cost}, std::string{row.trace}};
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      const double mine = ours.cells[i].in_time;
      const double theirs = row.cells[i].in_time;
      if (mine <= 0.0 || theirs / mine - 1.0 <= worst.advantage) continue;
      worst.load = row.cells[i].load;
      worst.ours = mine;
      worst.theirs = theirs;
      worst.advantage = theirs / mine - 1.0;
    }
    if (worst.advantage > kLeastLoss) losses.push_back(worst);
    const auto mine = ours.cells.front().p50_ms;
    const auto theirs = row.cells.front().p50_ms;
    if (!mine || !theirs || *mine / *theirs - 1.0 <= kLeastLoss) continue;
    losses.push_back({"low_load_p50", row.policy, std::string{row.cost}, std::string{row.trace},
                      row.cells.front().load, *mine, *theirs, *mine / *theirs - 1.0});
  }
  std::stable_sort(losses.begin(), losses.end(),
                   [](const auto& a, const auto& b) { return a.advantage > b.advantage; });
  return losses;
}

Json batching_figures(const std::optional<BatchingStudy>& policies,
                      const std::optional<EngineStudy>& engines) {
  Json out;
  out["stubs"] = Json::array();
  out["notes"] = Json::object();
  if (policies) {
    add_policies(out, *policies);
  } else {
    for (const char* name : kPolicyNames) {
      out[name] = nullptr;
      out["stubs"].push_back(name);
      out["notes"][name] = "not asked for: --only engine";
    }
  }
  add_engine_figures(out, engines);
  return out;
}

std::string batching_table(const BatchingStudy& study) {
  std::string out = "policies, virtual time\n";
  auto line = std::back_inserter(out);
  for (const BatchingMachine& machine : study.machines) {
    fmt::format_to(line,
                   "\n{} ({} + {} b ms): bound {:.2f}, P50 at low load {:.3f} of unbatched, "
                   "fairness {:.1f} %\n",
                   machine.cost.name, base::to_us(machine.cost.fixed) / 1000,
                   base::to_us(machine.cost.each) / 1000, machine.bound,
                   low_load_p50_ratio(study, machine.cost), 100.0 * fairness_of(machine).mean);
    fmt::format_to(line, "  {:<18} {:>5} {:>6} {:>12}   in time at 0.5 / 0.9 of the capacity, %\n",
                   "", "gain", "bound", "P95 < 300 ms");
    fmt::format_to(line, "  {:<44}", "");
    for (const TraceKind kind : kTraceKinds) fmt::format_to(line, " {:>14}", name(kind));
    fmt::format_to(line, "\n");
    for (const BatchingReach& reach : machine.reach) {
      fmt::format_to(line, "  {:<18} {:>5.2f} {:>4.0f} % {:>10.1f}/s", reach.policy, reach.gain,
                     100.0 * reach.gain / machine.bound, reach.sustained_per_s);
      for (const TraceKind kind : kTraceKinds) {
        const BatchingRow& row = row_of(study, reach.policy, machine.cost.name, name(kind));
        fmt::format_to(line, "  {:>5.1f} / {:>5.1f}", 100.0 * at_load(row, 0.5).in_time,
                       100.0 * at_load(row, 0.9).in_time);
      }
      fmt::format_to(line, "\n");
    }
  }
  fmt::format_to(line, "\nbest fixed wait over ours: {:+.2f} %\n",
                 100.0 * best_fixed_wait_advantage(study));
  const auto losses = batching_losses(study);
  fmt::format_to(line, "losses ({}):\n", losses.size());
  for (const BatchingLoss& loss : losses)
    fmt::format_to(line,
                   "  {:<13} {:<18} {:<14} {:<15} load {:.2f}: {:.4g} against {:.4g} ({:+.1f} %)\n",
                   loss.figure, loss.policy, loss.cost, loss.trace, loss.load, loss.ours,
                   loss.theirs, 100.0 * loss.advantage);
  return out;
}

}  // namespace millrace::app
