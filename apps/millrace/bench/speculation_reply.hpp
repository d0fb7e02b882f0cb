#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "apps/millrace/bench/speculation_speech.hpp"
#include "millrace/engine/session_state.hpp"
#include "millrace/graph/plan.hpp"
#include "millrace/metrics/distribution.hpp"

namespace millrace::app {

/// One turn of a caller and its answer. Instants on the engine's clock.
///   at     where the speech ended by the gate's decision, in media time: the same with eager
///   guesses
///          and without
///   eager  the guess that stood; nothing: none did
///   held   the first audio of the answer waited at the sink when the turn ended
struct AnsweredTurn {
  base::MediaTime at{0};
  base::Instant ended{};
  std::optional<base::Instant> eager;
  std::optional<base::Instant> replied;
  bool held = false;
};

/// Reads the turns of one session off its events and outputs.
///   threads  one
class TurnWatch {
 public:
  explicit TurnWatch(std::uint32_t speaker) : speaker_(speaker) {}
  void event(const engine::Event& event);
  void output(const engine::OutputPacket& output);
  /// Those that ended, in order.
  [[nodiscard]] std::vector<AnsweredTurn> turns() const;
  [[nodiscard]] std::uint64_t eagers() const noexcept { return eager_.size(); }
  [[nodiscard]] std::uint64_t withdrawn() const noexcept { return withdrawn_; }

 private:
  std::uint32_t speaker_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, base::Instant> eager_;
  std::map<std::uint32_t, AnsweredTurn> turns_;
  std::map<std::uint32_t, base::Instant> queued_;  ///< first reply audio of a turn, at the sink
  std::uint64_t withdrawn_ = 0;
};

/// One turn with eager guesses and without, on the same audio.
///   saving   how much earlier the first committed audio of the reply left
///   hang     from the guess that stood to the end of the turn; nothing: none stood
///   compute  from the end of the turn to the reply, without guesses
struct ReplyPair {
  base::Duration saving{0};
  std::optional<base::Duration> hang;
  base::Duration compute{0};

  /// What a guess could save at best.
  [[nodiscard]] std::optional<base::Duration> theory() const;
};

/// Pairs the turns of one session with those of its twin that end at the same place of the audio.
/// `begin`: when media time 0 was due.
struct SessionTurns {
  base::Instant begin{};
  std::vector<AnsweredTurn> turns;
};
[[nodiscard]] std::vector<ReplyPair> pair_turns(const SessionTurns& eager,
                                                const SessionTurns& waiting);

/// What the replies came to, in virtual or in real time.
///   wasted, pool_compute  by the engine's counters, in the runs with guesses
struct ReplyCounts {
  std::vector<ReplyPair> pairs;
  std::uint64_t turns = 0;     ///< ended, with guesses
  std::uint64_t unpaired = 0;  ///< of them: not answered, or no twin
  std::uint64_t eagers = 0;
  std::uint64_t withdrawn = 0;
  std::vector<double> release_us;  ///< from the end of a turn to the held reply leaving
  base::Duration wasted{0};
  base::Duration pool_compute{0};
  metrics::Distribution null;
};

/// Recogniser, reply, voice: examples/voice_reply.yaml, with eager guesses or without.
///   errors  those of the planner: a model is missing
// shared: with the engines that run it
[[nodiscard]] base::Result<std::shared_ptr<const graph::Plan>> reply_plan(bool eager);

/// Each file in a world of its own on the virtual clock, with the costs that the nodes declare.
[[nodiscard]] base::Result<ReplyCounts> replies_virtual(
    std::span<const LabelledSpeech> files, const std::function<void(std::size_t done)>& progress);

/// In real time, the files side by side, in the order with - without - without - with; each of the
/// two halves of `files` is one block.
///   threads  control; starts engines of its own and ends them
[[nodiscard]] base::Result<ReplyCounts> replies_real(
    std::span<const LabelledSpeech> files, const std::function<void(double seconds)>& progress);

}  // namespace millrace::app
