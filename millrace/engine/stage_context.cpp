#include "millrace/engine/stage_context.hpp"

#include <algorithm>
#include <utility>

#include "millrace/engine/shard.hpp"

namespace millrace::engine {

using base::MediaTime;
using media::ControlType;

void StageContext::aim(Shard& shard, SessionState& session, const graph::Stage& stage,
                       const node::Work* work) noexcept {
  shard_ = &shard;
  session_ = &session;
  stage_ = &stage;
  work_ = work;
}

base::Instant StageContext::now() const noexcept {
  return shard_->now();
}

void StageContext::emit(std::size_t port, media::Packet&& packet) noexcept {
  if (work_ != nullptr && !work_->packets.empty()) {
    const media::Packet& input = work_->packets[work_->packet_index];
    if (!packet.lineage.merge(input.lineage)) {
      make_room(packet.lineage);
      if (!packet.lineage.merge(input.lineage)) {
        failed("an output hangs on more unconfirmed segments than a packet can name");
        return;
      }
    }
    if (packet.due == base::Instant{}) packet.due = input.due;
    packet.deadline = std::min(packet.deadline, input.deadline);
    if (packet.to == MediaTime{0}) {
      packet.from = input.from;
      packet.to = input.to;
    }
  }
  if (stage_->contract().role == node::Role::sink) {
    shard_->let_out(*session_, *stage_, std::move(packet));
  } else {
    shard_->route(*session_, *stage_, port, std::move(packet));
  }
}

rt::Payload StageContext::acquire(std::size_t size_bytes) noexcept {
  return session_->shared->payloads->acquire(size_bytes);
}

bool StageContext::live(const media::Lineage& lineage) const noexcept {
  return session_->shared->ledger.live(lineage);
}

void StageContext::make_room(media::Lineage& lineage) const noexcept {
  session_->shared->ledger.make_room(lineage);
}

void StageContext::set_timer(base::Instant at) noexcept {
  session_->slots[stage_->index].timer = at;
}

void StageContext::send(media::Control&& control) noexcept {
  control.sent = now();
  shard_->add_control(*session_, stage_->index, std::move(control));
}

node::Speculation* StageContext::speculation() noexcept {
  return stage_->contract().speculates ? this : nullptr;
}

void StageContext::failed(std::string_view what) noexcept {
  Event event;
  event.type = EventType::failed;
  event.stage = static_cast<std::uint16_t>(stage_->index);
  event.body = session_->shared->payloads->copy_of(
      std::as_bytes(std::span<const char>(what.data(), what.size())));
  shard_->log(*session_, std::move(event));
}

base::SegmentId StageContext::open_segment(MediaTime from) noexcept {
  shard_->tell_budget(*session_);
  if (session_->budget.paused()) return {};
  const base::SegmentId segment = session_->shared->ledger.open(policy::SegmentKind::onset);
  Event event;
  event.type = EventType::speculation_started;
  event.stage = static_cast<std::uint16_t>(stage_->index);
  event.segment = segment;
  event.from = from;
  shard_->log(*session_, std::move(event));
  return segment;
}

void StageContext::confirm_segment(base::SegmentId segment) noexcept {
  if (session_->shared->ledger.confirm(segment) != policy::Verdict::applied) return;
  Event event;
  event.type = EventType::speculation_confirmed;
  event.stage = static_cast<std::uint16_t>(stage_->index);
  event.segment = segment;
  shard_->log(*session_, std::move(event));
  media::Control control = shard_->control_for(*session_, ControlType::confirm_speculation);
  control.segment = segment;
  shard_->add_control(*session_, stage_->index, std::move(control));
}

void StageContext::cancel_segment(base::SegmentId segment, MediaTime from, MediaTime to,
                                  media::CancelReason reason) noexcept {
  if (session_->shared->ledger.cancel(segment) != policy::Verdict::applied) return;
  Event event;
  event.type = EventType::speculation_cancelled;
  event.stage = static_cast<std::uint16_t>(stage_->index);
  event.segment = segment;
  event.from = from;
  event.to = to;
  event.cancel_reason = reason;
  shard_->log(*session_, std::move(event));
  shard_->withdraw_queued(*session_, stage_->index);
  media::Control control = shard_->control_for(*session_, ControlType::cancel_speculation);
  control.segment = segment;
  control.from = from;
  control.to = to;
  control.reason = reason;
  shard_->add_control(*session_, stage_->index, std::move(control));
}

void StageContext::speech_started(MediaTime at) noexcept {
  Event event;
  event.type = EventType::speech_started;
  event.stage = static_cast<std::uint16_t>(stage_->index);
  event.at = at;
  shard_->log(*session_, std::move(event));
}

void StageContext::speech_ended(MediaTime at) noexcept {
  Event event;
  event.type = EventType::speech_ended;
  event.stage = static_cast<std::uint16_t>(stage_->index);
  event.at = at;
  shard_->log(*session_, std::move(event));
}

base::TurnId StageContext::open_turn() noexcept {
  return session_->shared->ledger.open_turn();
}

media::Packet StageContext::marker(ControlType type, base::TurnId turn, base::Revision revision,
                                   MediaTime at, MediaTime audio_until) noexcept {
  media::Packet marker;
  marker.kind = media::PacketKind::control;
  marker.control_type = type;
  marker.id = session_->next_control_id++;
  marker.origin = static_cast<std::uint16_t>(stage_->index);
  marker.lineage.turn = turn;
  marker.lineage.revision = revision;
  marker.from = at;
  marker.to = audio_until;
  Event event;
  event.type = type == ControlType::eager_end_of_turn ? EventType::eager_end_of_turn
               : type == ControlType::turn_resumed    ? EventType::turn_resumed
                                                      : EventType::end_of_turn;
  event.stage = marker.origin;
  event.lineage = marker.lineage;
  event.at = at;
  shard_->log(*session_, std::move(event));
  return marker;
}

base::Revision StageContext::eager_end_of_turn(base::TurnId turn, MediaTime at,
                                               MediaTime audio_until) noexcept {
  const bool allowed = session_->budget.try_start(now());
  shard_->tell_budget(*session_);
  if (!allowed) return 0;
  const base::Revision revision = session_->shared->ledger.guess(turn);
  if (revision == 0) return 0;
  session_->guess_compute = base::Duration{0};
  shard_->forward_marker(*session_, *stage_,
                         marker(ControlType::eager_end_of_turn, turn, revision, at, audio_until));
  return revision;
}

void StageContext::turn_resumed(base::TurnId turn, base::Revision revision) noexcept {
  if (session_->shared->ledger.withdraw(turn, revision) != policy::Verdict::applied) return;
  shard_->settle_guess(*session_);
  shard_->tell_budget(*session_);
  shard_->withdraw_queued(*session_, stage_->index);
  shard_->forward_marker(
      *session_, *stage_,
      marker(ControlType::turn_resumed, turn, revision, session_->audio_arrived, MediaTime{0}));
}

base::Revision StageContext::end_of_turn(base::TurnId turn, base::Revision revision, MediaTime at,
                                         MediaTime audio_until) noexcept {
  policy::SpeculationLedger& ledger = session_->shared->ledger;
  if (revision == 0) {
    revision = ledger.guess(turn);
  } else {
    session_->budget.accepted();
  }
  // All 1,023 guesses of a turn were made and withdrawn: it ends with what hangs on no guess.
  if (revision != 0) ledger.commit(turn, revision);
  shard_->begin_account(*session_, turn, revision, at);
  shard_->forward_marker(*session_, *stage_,
                         marker(ControlType::end_of_turn, turn, revision, at, audio_until));
  return revision;
}

void StageContext::interrupt(base::TurnId turn, MediaTime from) noexcept {
  // A greeting answers no turn: there is nothing in the ledger to withdraw, only what plays.
  if (turn && session_->shared->ledger.interrupt(turn) != policy::Verdict::applied) return;
  media::Control control = shard_->control_for(*session_, ControlType::interrupt);
  control.turn = turn;
  control.from = from;
  shard_->flush_interrupted(*session_, control);
}

bool StageContext::playing() const noexcept {
  return shard_->playing(*session_);
}

void StageContext::pause_playback() noexcept {
  shard_->hold_playback(*session_, true);
}

void StageContext::resume_playback() noexcept {
  shard_->hold_playback(*session_, false);
}

}  // namespace millrace::engine
