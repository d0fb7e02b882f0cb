#include <utility>

#include "millrace/engine/shard.hpp"
#include "millrace/engine/tape_player.hpp"

// What comes to a shard from outside and when: noted on a tape, or taken from one. Everything else
// that a shard does follows from this and its instants.
namespace millrace::engine {

using What = TapeEntry::What;

namespace {
std::uint32_t number_of(const SessionState& session) noexcept {
  return static_cast<std::uint32_t>(session.number);
}
}  // namespace

void Shard::begin_step(What what) noexcept {
  now_ = clock_.now();
  control_point_ = 0;
  note({.what = what, .value = now_.since_start.count()});
}

bool Shard::take_input(SessionState& session, std::uint32_t stage, InputPacket& input) noexcept {
  if (player_ != nullptr) return player_->input(session.number, stage, input);
  if (!session.inbox.try_pop(input)) return false;
  inputs_.fetch_add(1, std::memory_order_relaxed);
  note({.what = What::input,
        .stage = static_cast<std::uint16_t>(stage),
        .session = number_of(session)});
  return true;
}

bool Shard::foreign_waits() const noexcept {
  return player_ != nullptr ? player_->foreign_waits(control_point_) : foreign_.size() > 0;
}

bool Shard::take_foreign(ForeignControl& foreign) noexcept {
  if (player_ != nullptr) return player_->foreign(control_point_, foreign);
  if (!foreign_.try_pop(foreign)) return false;
  foreign_bytes_.fetch_sub(foreign.control.body.size_bytes(), std::memory_order_relaxed);
  if (tape_ != nullptr) tape_->note_foreign(foreign, control_point_);
  return true;
}

bool Shard::take_result(SessionState& session, std::uint32_t stage) noexcept {
  Slot& slot = session.slots[stage];
  if (player_ != nullptr) return player_->result(session, stage, *slot.lane, slot.result, now_);
  if (!slot.lane->pop_result(slot.result, now_)) return false;
  note({.what = What::result,
        .stage = static_cast<std::uint16_t>(stage),
        .session = number_of(session)});
  return true;
}

bool Shard::posts_job(const SessionState& session, std::uint32_t stage, bool natural) noexcept {
  if (player_ != nullptr) return player_->post(session.number, stage, natural);
  if (natural)
    note({.what = What::post,
          .stage = static_cast<std::uint16_t>(stage),
          .session = number_of(session)});
  return natural;
}

bool Shard::outbox_room(SessionState& session, const graph::Stage& stage) noexcept {
  const auto asked = static_cast<std::int64_t>(session.room_asked++);
  if (player_ != nullptr) {
    player_->drain(session);
    return player_->room(session, stage.index, asked);
  }
  if (session.outbox.size() + stage.contract().max_outputs <= session.outbox.capacity())
    return true;
  note({.what = What::no_room,
        .stage = static_cast<std::uint16_t>(stage.index),
        .session = number_of(session),
        .value = asked});
  return false;
}

void Shard::settle_guess(SessionState& session) noexcept {
  base::Duration& spent = session.guess_compute;
  if (player_ != nullptr) {
    spent = player_->compute(session.number, spent);
  } else {
    note({.what = What::compute, .session = number_of(session), .value = spent.count()});
  }
  session.budget.withdrawn(now_, spent);
  spent = base::Duration{0};
}

void Shard::keep_event_room(SessionState& session) noexcept {
  if (player_ != nullptr && session.events.size() == session.events.capacity())
    player_->drain(session);
}

}  // namespace millrace::engine
