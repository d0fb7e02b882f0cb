#include <algorithm>
#include <utility>

#include "millrace/engine/shard.hpp"

// Deadlines at the batching wrapper: who will be late is told, and what the manifest says may be
// given up is.
namespace millrace::engine {

using base::Instant;
using graph::Stage;
using media::Control;
using media::Packet;
using policy::GiveUp;

static_assert(metrics::kGiveUps == policy::kGiveUps, "a counter for each");

void Shard::watch_deadlines(BatchStage& batch, const Stage& stage) noexcept {
  DeadlineWatch& watch = *watches_[stage.index];
  const policy::CostCurve& curve = batch.batcher().curve();
  Instant free_at = now_;
  if (batch.in_flight()) {
    free_at = watch.expected_end(now_);
  } else if (!batch.inputs().empty()) {
    free_at = now_ + curve.cost(static_cast<std::uint32_t>(batch.inputs().size()));
  }
  const Instant starts_at = std::max(free_at, batch.gathers_until(now_).value_or(free_at));
  for (const policy::LateInput& late : batch.late(starts_at)) {
    if (late.deadline <= now_) continue;  // expired: it leaves with the next decision
    BatchStage::Place& place = batch.place(late.id);
    if (!late.warned && warn_of_deadline(*place.session, stage, place.packet, late))
      batch.warned(late.id);
    const auto action = watch.judge({.late = late,
                                     .optional = place.packet.optional,
                                     .free_at = free_at,
                                     .starts_at = starts_at,
                                     .alone = curve.cost(1)},
                                    now_);
    if (action) give_up_waiting(batch, stage, late.id, *action);
  }
  watch.set_wake_at(batch.late_at());
}

bool Shard::warn_of_deadline(SessionState& session, const Stage& stage, const Packet& packet,
                             const policy::LateInput& late) noexcept {
  // Half of the list is for others; the next sweep tells of the rest.
  if (session.controls.size() >= kMaxControls / 2) {
    more_ = true;
    return false;
  }
  Control control = control_for(session, media::ControlType::deadline_warning);
  control.value = base::to_us(late.deadline - now_);
  control.turn = packet.lineage.turn;
  control.revision = packet.lineage.revision;
  if (!packet.lineage.segments.empty()) control.segment = packet.lineage.segments.back();
  add_control(session, stage.index, std::move(control));
  stats_[stage.index]->add_deadline_warning();
  Event event;
  event.type = EventType::deadline_warning;
  event.stage = static_cast<std::uint16_t>(stage.index);
  event.lineage = packet.lineage;
  event.until_deadline = late.deadline - now_;
  event.total = late.expected - late.deadline;
  log(session, std::move(event));
  return true;
}

void Shard::give_up_waiting(BatchStage& batch, const Stage& stage, std::uint64_t id,
                            GiveUp action) noexcept {
  BatchStage::Place& place = batch.place(id);
  if (action == GiveUp::flush_batch) {
    if (batch.flush(id)) tell_given_up(*place.session, stage, place.packet, action);
    return;
  }
  SessionState& session = *place.session;
  tell_given_up(session, stage, place.packet, action);
  batch.remove(place);
  if (batch.across_sessions()) return expire_job(session, stage, base::DropReason::deadline);
  drop_input(session, stage, base::DropReason::deadline);
}

// What is given up for one input of a call is given up for all: that it is in time was reckoned
// with what the whole call saves.
void Shard::give_up_in_call(SessionState& session, const Stage& stage, std::span<Packet> call,
                            std::size_t inputs) noexcept {
  DeadlineWatch& watch = *watches_[stage.index];
  const base::Duration cost =
      batches_[stage.index]->batcher().curve().cost(static_cast<std::uint32_t>(inputs));
  media::GiveUp all;
  for (const Packet& packet : call) {
    const media::GiveUp given = watch.judge_call(now_, packet.deadline, cost);
    if (given.smaller_first_chunk)
      tell_given_up(session, stage, packet, GiveUp::smaller_first_chunk);
    if (given.lower_quality) tell_given_up(session, stage, packet, GiveUp::lower_quality);
    all.smaller_first_chunk |= given.smaller_first_chunk;
    all.lower_quality |= given.lower_quality;
  }
  for (Packet& packet : call) packet.give_up = all;
  watch.begin(now_, cost, all);
}

void Shard::tell_given_up(SessionState& session, const Stage& stage, const Packet& packet,
                          GiveUp action) noexcept {
  stats_[stage.index]->add_given_up(static_cast<std::size_t>(action));
  Event event;
  event.type = EventType::deadline_action;
  event.stage = static_cast<std::uint16_t>(stage.index);
  event.lineage = packet.lineage;
  event.action = action;
  event.until_deadline = packet.deadline - now_;
  log(session, std::move(event));
}

}  // namespace millrace::engine
