#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "apps/millrace/summary.hpp"
#include "millrace/base/result.hpp"
#include "millrace/graph/plan.hpp"
#include "millrace/manifest/load.hpp"

namespace millrace::app {

/// What a node type cost in the last run in real time on this machine.
struct LearnedCost {
  std::string when;         ///< end of that run, as 2026-11-28T18:30:00Z
  std::uint64_t calls = 0;  ///< of that run
  double avg_us = 0.0;      ///< of a call, moving average
  std::uint64_t runs = 0;   ///< of batches
  /// T(b) = fixed_us + per_input_us * b; only when runs of different sizes were seen.
  std::optional<double> fixed_us;
  std::optional<double> per_input_us;

  friend bool operator==(const LearnedCost&, const LearnedCost&) = default;
};

/// By node type.
using LearnedCosts = std::map<std::string, LearnedCost>;

/// Adds what `stages`, the stages of `plan`, were seen to cost; the busiest of a type speaks for
/// it.
void learn(LearnedCosts& costs, const graph::Plan& plan, const std::vector<StageFigures>& stages,
           const std::string& when);

/// Keeps learned costs between runs, for people to read: no run starts from them, so that the same
/// manifest makes the same decisions on a machine that has learned and on one that has not.
///   errors   bad_peer_data: the file is not ours; unavailable: it cannot be read or written
class CostFile {
 public:
  explicit CostFile(std::filesystem::path path) : path_(std::move(path)) {}
  /// costs.json in $MILLRACE_STATE_DIR, in millrace/ of $XDG_STATE_HOME or of ~/.local/state;
  /// nothing where there is no such place.
  [[nodiscard]] static std::optional<CostFile> usual(const manifest::Environment& environment);

  /// Empty when there is no file yet.
  [[nodiscard]] base::Result<LearnedCosts> read() const;
  /// All or nothing: whoever reads meanwhile sees the old costs or the new ones.
  [[nodiscard]] base::Result<void> write(const LearnedCosts& costs) const;
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

/// After a run in real time: its costs go to the usual file. What cannot be kept is a warning.
void keep_costs(const graph::Plan& plan, const std::vector<StageFigures>& stages);

/// Lines for `nodes show`: the last cost of a type on this machine, or that there is none.
[[nodiscard]] std::string cost_text(const LearnedCosts& costs, const std::string& type);

}  // namespace millrace::app
