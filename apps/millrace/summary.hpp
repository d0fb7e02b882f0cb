#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "millrace/engine/event.hpp"
#include "millrace/engine/shard.hpp"
#include "millrace/graph/plan.hpp"
#include "millrace/metrics/learned_cost.hpp"

namespace millrace::app {

/// What one session's run came to, gathered from its events as they come.
class SessionSummary {
 public:
  explicit SessionSummary(std::string name) : name_(std::move(name)) {}

  void add(const engine::Event& event, const graph::Plan& plan);

  struct Utterance {
    std::uint32_t segment = 0;
    char outcome = '?';  ///< + confirmed, - cancelled, ? still open
    base::MediaTime from{0};
    base::MediaTime to{0};
    std::optional<base::MediaTime> decided;  ///< audio that had arrived at the confirm or cancel
    base::MediaTime started{0};              ///< audio that had arrived when it began to flow
  };
  struct Turn {
    std::uint32_t turn = 0;
    std::uint32_t revision = 0;
    base::Duration total{0};
    base::Duration endpoint_wait{0};
    base::Duration unattributed{0};
    std::vector<std::pair<std::string, base::Duration>> parts;
  };
  struct Words {
    std::uint32_t turn = 0;
    std::string node;
    std::string text;
  };

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const std::vector<Utterance>& utterances() const noexcept { return utterances_; }
  [[nodiscard]] const std::vector<Turn>& turns() const noexcept { return turns_; }
  [[nodiscard]] const std::vector<Words>& words() const noexcept { return words_; }
  [[nodiscard]] const std::vector<std::string>& failures() const noexcept { return failures_; }
  [[nodiscard]] std::uint64_t interruptions() const noexcept { return interruptions_; }
  [[nodiscard]] std::size_t confirmed() const noexcept { return count('+'); }
  [[nodiscard]] std::size_t cancelled() const noexcept { return count('-'); }

 private:
  [[nodiscard]] std::size_t count(char outcome) const noexcept;
  Utterance* find(std::uint32_t segment) noexcept;

  std::string name_;
  std::vector<Utterance> utterances_;
  std::vector<Turn> turns_;
  std::vector<Words> words_;
  std::vector<std::string> failures_;
  std::uint64_t interruptions_ = 0;
};

/// What a stage did, over all shards.
struct StageFigures {
  std::string node;
  std::uint64_t in = 0;
  std::uint64_t p50_ns = 0;
  std::uint64_t p95_ns = 0;
  std::uint64_t p99_ns = 0;
  std::uint64_t queue_max = 0;
  std::vector<std::pair<std::string, std::uint64_t>> dropped;
  std::uint64_t merged = 0;         ///< joined in a full queue
  std::uint64_t kept_separate = 0;  ///< inputs of a call that could not be joined
  std::uint64_t merges_failed = 0;  ///< of a custom merge
  std::uint64_t deadline_warnings = 0;
  std::vector<std::pair<std::string, std::uint64_t>> given_up = {};  ///< for deadlines
  // What it cost
  std::uint64_t calls = 0;
  double avg_us = 0.0;        ///< of a call, moving average
  std::string strategy = {};  ///< how the batching wrapper joins its inputs; empty: there is none
  std::uint64_t batches = 0;
  std::uint64_t batched = 0;  ///< inputs of all batches
  std::uint64_t batch_max = 0;
  metrics::BatchCost cost = {};
};

/// Adds up one shard into `figures` (one entry for each stage of the plan). Quantiles are those of
/// the shard with the most packets, a learned curve that of the one with the most runs.
void add_figures(std::vector<StageFigures>& figures, const graph::Plan& plan,
                 const engine::Shard& shard);

/// How the run went as a whole.
struct RunFigures {
  bool virtual_time = false;
  std::size_t sessions = 0;
  double audio_seconds = 0.0;               ///< over all sessions
  std::optional<std::uint64_t> text_lines;  ///< likewise, where the input is text
  double wall_seconds = 0.0;
  double cpu_seconds = 0.0;
  std::uint64_t refused = 0;  ///< frames the door refused
  std::uint64_t late = 0;     ///< decisions more than 20 ms past due
  std::uint64_t decisions = 0;
  std::uint64_t decision_p50_ns = 0;
  std::uint64_t decision_p99_ns = 0;
  std::uint64_t wake_ups = 0;
  std::uint64_t events_lost = 0;
  std::uint64_t sessions_refused = 0;        ///< max_sessions were open
  std::uint64_t sessions_unadmitted = 0;     ///< they would have broken those that were open
  std::optional<std::uint64_t> allocations;  ///< on the audio path; none: nothing watches them
};

/// The tables at the end of a run, as text for a terminal.
[[nodiscard]] std::string summary_text(const std::vector<SessionSummary>& sessions,
                                       const std::vector<StageFigures>& stages,
                                       const RunFigures& run);

}  // namespace millrace::app
