#include "millrace/testing/recorded_speculation.hpp"

#include <utility>

#include "millrace/rt/guard.hpp"

namespace millrace::testing {
namespace {

media::Control aligned(media::ControlType type, const RecordedCall& call) {
  media::Control control;
  control.type = type;
  control.turn = call.turn;
  control.revision = call.revision;
  control.at = call.at;
  control.audio_until = call.audio_until;
  return control;
}

}  // namespace

RecordedSpeculation::RecordedSpeculation(policy::SpeculationLedger& ledger,
                                         std::function<void(const media::Control&)> marker)
    : ledger_(&ledger), marker_(std::move(marker)) {}

void RecordedSpeculation::record(const RecordedCall& call) noexcept {
  // The record is the test's, so what it allocates is no fault of the node.
  const rt::RtExempt exempt;
  calls_.push_back(call);
}

base::SegmentId RecordedSpeculation::open_segment(base::MediaTime from) noexcept {
  const base::SegmentId segment =
      budget_used_up_ ? base::SegmentId{} : ledger_->open(policy::SegmentKind::onset);
  record({.call = SpeculationCall::open_segment, .segment = segment, .from = from});
  return segment;
}

void RecordedSpeculation::confirm_segment(base::SegmentId segment) noexcept {
  ledger_->confirm(segment);
  record({.call = SpeculationCall::confirm_segment, .segment = segment});
}

void RecordedSpeculation::cancel_segment(base::SegmentId segment, base::MediaTime from,
                                         base::MediaTime to, media::CancelReason reason) noexcept {
  ledger_->cancel(segment);
  record({.call = SpeculationCall::cancel_segment,
          .segment = segment,
          .from = from,
          .to = to,
          .reason = reason});
}

void RecordedSpeculation::speech_started(base::MediaTime at) noexcept {
  record({.call = SpeculationCall::speech_started, .at = at});
}

void RecordedSpeculation::speech_ended(base::MediaTime at) noexcept {
  record({.call = SpeculationCall::speech_ended, .at = at});
}

base::TurnId RecordedSpeculation::open_turn() noexcept {
  const base::TurnId turn = ledger_->open_turn();
  record({.call = SpeculationCall::open_turn, .turn = turn});
  return turn;
}

base::Revision RecordedSpeculation::eager_end_of_turn(base::TurnId turn, base::MediaTime at,
                                                      base::MediaTime audio_until) noexcept {
  const RecordedCall call{.call = SpeculationCall::eager_end_of_turn,
                          .turn = turn,
                          .revision = budget_used_up_ ? 0 : ledger_->guess(turn),
                          .at = at,
                          .audio_until = audio_until};
  record(call);
  if (call.revision != 0) marker_(aligned(media::ControlType::eager_end_of_turn, call));
  return call.revision;
}

void RecordedSpeculation::turn_resumed(base::TurnId turn, base::Revision revision) noexcept {
  ledger_->withdraw(turn, revision);
  const RecordedCall call{
      .call = SpeculationCall::turn_resumed, .turn = turn, .revision = revision};
  record(call);
  marker_(aligned(media::ControlType::turn_resumed, call));
}

base::Revision RecordedSpeculation::end_of_turn(base::TurnId turn, base::Revision revision,
                                                base::MediaTime at,
                                                base::MediaTime audio_until) noexcept {
  const RecordedCall call{.call = SpeculationCall::end_of_turn,
                          .turn = turn,
                          .revision = revision != 0 ? revision : ledger_->guess(turn),
                          .at = at,
                          .audio_until = audio_until};
  ledger_->commit(turn, call.revision);
  record(call);
  marker_(aligned(media::ControlType::end_of_turn, call));
  return call.revision;
}

void RecordedSpeculation::interrupt(base::TurnId turn, base::MediaTime from) noexcept {
  ledger_->interrupt(turn);
  record({.call = SpeculationCall::interrupt, .turn = turn, .from = from});
}

void RecordedSpeculation::pause_playback() noexcept {
  record({.call = SpeculationCall::pause_playback});
}

void RecordedSpeculation::resume_playback() noexcept {
  record({.call = SpeculationCall::resume_playback});
}

std::vector<RecordedCall> RecordedSpeculation::calls(SpeculationCall call) const {
  std::vector<RecordedCall> found;
  for (const RecordedCall& recorded : calls_)
    if (recorded.call == call) found.push_back(recorded);
  return found;
}

}  // namespace millrace::testing
