#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "millrace/base/result.hpp"
#include "millrace/base/time.hpp"
#include "millrace/graph/plan.hpp"
#include "millrace/node/node.hpp"

namespace millrace::app {

/// What the VAD said of one window, and with which block of 20 ms it was complete.
struct VadWindow {
  base::MediaTime from{0};
  base::MediaTime to{0};
  float probability = 0.0F;
  std::size_t block = 0;
};

/// The VAD's decisions on a whole file, made once by the production node.
struct VadTrace {
  std::vector<VadWindow> windows;
};

/// The stages of one gate setting, made by the planner from a manifest: what is replayed is what a
/// user of that manifest would get.
///   threads  one
class GateSetup {
 public:
  /// `params` is the gate's, as YAML flow text: "{eager_silence_ms: 100}".
  ///   errors  those of the planner
  [[nodiscard]] static base::Result<GateSetup> create(const std::string& gate_type,
                                                      const std::string& params);
  /// Runs the VAD of the setup over 16 kHz mono.
  [[nodiscard]] base::Result<VadTrace> run_vad(std::span<const float> samples);

  [[nodiscard]] const node::Params& params() const noexcept;
  [[nodiscard]] base::Result<std::unique_ptr<node::SessionNode>> open_gate();

 private:
  std::shared_ptr<const graph::Plan> plan_;  // shared: as the planner's callers keep it
  std::unique_ptr<node::StageNode> vad_;
  std::unique_ptr<node::StageNode> gate_;
};

/// What a gate did, and when on the virtual clock: the instant at which the block (or the verdict)
/// came that made it.
///   at     turns: where the silence began, pad left out; speech_started: the start of the speech
///   since  the latest segment's number for segments
enum class GateDeed : std::uint8_t {
  opened,
  confirmed,
  cancelled,
  speech_started,
  eager,
  resumed,
  ended,
};
struct GateEvent {
  GateDeed deed = GateDeed::opened;
  base::MediaTime now{0};
  base::MediaTime at{0};
  std::uint32_t number = 0;  ///< segment, or turn
  std::uint32_t revision = 0;
};

/// Answers what a turn model says of the frames [from, to) of a file.
using TurnModel = std::function<std::optional<float>(std::int64_t from, std::int64_t to)>;

/// How one replay is driven.
///   model       asked when the gate asks; its answer comes `model_takes` later, one question after
///               the other. Questions whose silence is over by then are not put to it: the gate
///               would not heed the answer.
///   goes_on_at  probability from which speech goes on: tells that a silence is over
struct ReplayInput {
  std::span<const float> samples;
  const VadTrace* trace = nullptr;
  TurnModel model;
  base::MediaTime model_takes{0};
  float goes_on_at = 0.35F;
};

/// Drives a gate with recorded decisions as a graph does: blocks of 20 ms, and the decisions of a
/// block right before it.
[[nodiscard]] base::Result<std::vector<GateEvent>> replay_gate(GateSetup& setup,
                                                               const ReplayInput& input);

/// Smart Turn's answers about one set of files, each computed once.
///   threads  one
class Verdicts {
 public:
  /// `answer` computes; see smart_turn_verdicts().
  using Compute = std::function<std::optional<float>(std::span<const float> samples)>;
  explicit Verdicts(Compute compute) : compute_(std::move(compute)) {}

  [[nodiscard]] std::optional<float> ask(std::size_t file, std::span<const float> samples,
                                         std::int64_t from, std::int64_t to);
  [[nodiscard]] std::size_t computed() const noexcept { return known_.size(); }

 private:
  struct Question {
    std::size_t file;
    std::int64_t from;
    std::int64_t to;
    friend auto operator<=>(const Question&, const Question&) = default;
  };
  Compute compute_;
  std::map<Question, std::optional<float>> known_;
};

/// Verdicts of the installed Smart Turn.
///   errors  as SmartTurnModel::create()
[[nodiscard]] base::Result<Verdicts> smart_turn_verdicts();
/// What an answer of Smart Turn takes on the virtual clock.
[[nodiscard]] base::MediaTime smart_turn_takes();

}  // namespace millrace::app
