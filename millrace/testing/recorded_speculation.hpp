#pragma once

#include <functional>
#include <vector>

#include "millrace/node/context.hpp"
#include "millrace/policy/speculation_ledger.hpp"

namespace millrace::testing {

/// What a node asked of its Speculation.
enum class SpeculationCall : std::uint8_t {
  open_segment,
  confirm_segment,
  cancel_segment,
  speech_started,
  speech_ended,
  open_turn,
  eager_end_of_turn,
  turn_resumed,
  end_of_turn,
  interrupt,
  pause_playback,
  resume_playback,
};

/// One call with what it was given and what it got; fields it does not use stay at their default.
///   from, to     open_segment and interrupt (from), cancel_segment
///   at           speech_started, speech_ended, and the turn calls
struct RecordedCall {
  SpeculationCall call = SpeculationCall::open_segment;
  base::SegmentId segment{};
  base::TurnId turn{};
  base::Revision revision = 0;
  base::MediaTime from{0};
  base::MediaTime to{0};
  base::MediaTime at{0};
  base::MediaTime audio_until{0};
  media::CancelReason reason = media::CancelReason::client;

  friend bool operator==(const RecordedCall&, const RecordedCall&) = default;
};

/// A Speculation that acts on a real ledger and writes down every call.
///   threads  one
class RecordedSpeculation final : public node::Speculation {
 public:
  /// `marker` is told of each aligned message, in the place where it stands among the outputs.
  RecordedSpeculation(policy::SpeculationLedger& ledger,
                      std::function<void(const media::Control&)> marker);

  base::SegmentId open_segment(base::MediaTime from) noexcept override;
  void confirm_segment(base::SegmentId segment) noexcept override;
  void cancel_segment(base::SegmentId segment, base::MediaTime from, base::MediaTime to,
                      media::CancelReason reason) noexcept override;
  void speech_started(base::MediaTime at) noexcept override;
  void speech_ended(base::MediaTime at) noexcept override;
  base::TurnId open_turn() noexcept override;
  base::Revision eager_end_of_turn(base::TurnId turn, base::MediaTime at,
                                   base::MediaTime audio_until) noexcept override;
  void turn_resumed(base::TurnId turn, base::Revision revision) noexcept override;
  base::Revision end_of_turn(base::TurnId turn, base::Revision revision, base::MediaTime at,
                             base::MediaTime audio_until) noexcept override;
  void interrupt(base::TurnId turn, base::MediaTime from) noexcept override;
  [[nodiscard]] bool playing() const noexcept override { return playing_; }
  void pause_playback() noexcept override;
  void resume_playback() noexcept override;

  [[nodiscard]] const std::vector<RecordedCall>& calls() const noexcept { return calls_; }
  /// The calls of one kind, in order.
  [[nodiscard]] std::vector<RecordedCall> calls(SpeculationCall call) const;
  void clear() { calls_.clear(); }
  /// What playing() answers.
  void set_playing(bool playing) noexcept { playing_ = playing; }
  /// While used up, no segment is opened and no guess is made.
  void set_budget_used_up(bool used_up) noexcept { budget_used_up_ = used_up; }

 private:
  void record(const RecordedCall& call) noexcept;

  policy::SpeculationLedger* ledger_;
  std::function<void(const media::Control&)> marker_;
  std::vector<RecordedCall> calls_;
  bool playing_ = false;
  bool budget_used_up_ = false;
};

}  // namespace millrace::testing
