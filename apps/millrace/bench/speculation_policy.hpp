#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "apps/millrace/bench/speculation_replay.hpp"
#include "apps/millrace/bench/speculation_speech.hpp"
#include "apps/millrace/bench/speculation_stats.hpp"

namespace millrace::app {

/// A file and what the VAD said of it.
struct TracedSpeech {
  LabelledSpeech speech;
  VadTrace trace;
};

/// Onsets of one condition: the speculative gate against the one that waits, on the same decisions.
///   gains  one for each labelled utterance that both opened for: how much earlier its audio flows
struct OnsetCounts {
  std::string condition;
  std::uint64_t confirmed = 0;
  std::uint64_t cancelled = 0;
  std::uint64_t utterances = 0;
  std::vector<double> gains_us;
};

[[nodiscard]] base::Result<OnsetCounts> measure_onsets(std::string condition,
                                                       std::span<const TracedSpeech> files);

/// One setting of the gate's end of turn.
struct TurnSetting {
  std::int64_t eager_silence_ms = 200;
  std::int64_t end_of_turn_ms = 600;
  double threshold = 0.5;
  double negative_threshold = 0.35;
  bool turn_model = false;
};

/// What a file came to under a setting.
///   gains  for each guess that stood: from the guess to the end of its turn
///   fixed_gains  the same, to where the silence would have lasted end_of_turn_ms: what a gate
///          without a turn model would have waited for
///   waits  for each labelled turn that was ended in its own silence: from its end to end_of_turn
struct TurnFile {
  std::uint64_t eagers = 0;
  std::uint64_t withdrawn = 0;
  std::uint64_t ended = 0;
  std::uint64_t ended_early = 0;  ///< before the labelled end of the turn: in a pause
  std::vector<double> gains_us;
  std::vector<double> fixed_gains_us;
  std::vector<double> waits_us;
};

/// A point of the curve: gain against guesses withdrawn, over files.
struct TurnPoint {
  TurnSetting setting;
  std::vector<TurnFile> files;

  [[nodiscard]] TurnFile sum() const;
  /// Guesses withdrawn over guesses; nothing without a guess.
  [[nodiscard]] std::optional<double> cancelled_fraction() const;
  /// Bootstrap over files.
  [[nodiscard]] std::optional<Interval> cancelled_interval() const;
  [[nodiscard]] std::optional<Interval> gain_interval() const;
};

/// The settings that are swept. `quick`: the first of the thresholds alone.
[[nodiscard]] std::vector<TurnSetting> turn_settings(bool quick);

/// What `events` say, by the labels of `speech`.
[[nodiscard]] TurnFile turn_file(std::span<const GateEvent> events, const LabelledSpeech& speech,
                                 const TurnSetting& setting);

/// Replays every file under `setting`. `verdicts`: asked by settings with a turn model.
[[nodiscard]] base::Result<TurnPoint> measure_turns(const TurnSetting& setting,
                                                    std::span<const TracedSpeech> files,
                                                    Verdicts& verdicts);

/// The point that cancels least of those with a gain of at least `gain_us` at `end_of_turn_ms`;
/// null when there is none. `stock`: only with the thresholds of an untouched manifest, no model.
[[nodiscard]] const TurnPoint* best_point(std::span<const TurnPoint> curve,
                                          std::int64_t end_of_turn_ms, double gain_us, bool stock);

}  // namespace millrace::app
