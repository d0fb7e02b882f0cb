#include <algorithm>
#include <utility>

#include "millrace/engine/shard.hpp"

// The stages behind the batching wrapper: inputs of all sessions gather while a call runs, and the
// next call takes what gathered.
namespace millrace::engine {

using base::DropReason;
using graph::Stage;
using media::Packet;

bool Shard::sweep_batched(const Stage& stage) noexcept {
  BatchStage& batch = *batches_[stage.index];
  bool more = false;
  for (SessionState* session : sessions_) {
    deliver_controls(*session, stage);
    more = take_results(*session, stage) || more;
  }
  drop_dead_inputs(batch, stage);
  gather_batch(batch, stage);
  watch_deadlines(batch, stage);
  start_batch(batch, stage);
  for (SessionState* session : sessions_) {
    // Markers, timers and messages go to a node once nothing of the session waits in front of them.
    const Slot& slot = session->slots[stage.index];
    if (slot.batched == 0 && slot.lane->idle()) post_job(*session, stage);
  }
  stats_[stage.index]->set_queue_depth(batch.waiting());
  return more;
}

void Shard::drop_dead_inputs(BatchStage& batch, const Stage& stage) noexcept {
  for (BatchStage::Place& place : batch.places()) {
    if (place.session == nullptr || place.running) continue;
    const SessionState& session = *place.session;
    const auto& max_age = plan_.edges[place.edge].queue.max_age;
    if (!session.shared->ledger.live(place.packet.lineage)) {
      drop_input(*place.session, stage, DropReason::cancelled);
    } else if (max_age && now_ - place.packet.enqueued > *max_age) {
      drop_input(*place.session, stage, DropReason::max_age);
    } else {
      continue;
    }
    batch.remove(place);
  }
}

void Shard::drop_input(SessionState& session, const Stage& stage, DropReason reason) noexcept {
  stats_[stage.index]->add_dropped(reason, 1);
  Event event;
  event.type = EventType::dropped;
  event.stage = static_cast<std::uint16_t>(stage.index);
  event.drop_reason = reason;
  event.count = 1;
  log(session, std::move(event));
}

// In rounds of one input a session, so that who comes first in the list does not fill the buffer.
void Shard::gather_batch(BatchStage& batch, const Stage& stage) noexcept {
  for (bool any = true; any;) {
    any = false;
    for (SessionState* session : sessions_)
      if (batch.has_room(*session)) any = gather_input(batch, *session, stage) || any;
  }
}

bool Shard::gather_input(BatchStage& batch, SessionState& session, const Stage& stage) noexcept {
  if (session.slots[stage.index].ended) return false;
  for (const std::uint32_t e : stage.in_edges) {
    EdgeQueue& queue = session.queues[e];
    const Packet* head = queue.head(now_, session.shared->ledger);
    if (head == nullptr || head->is_marker()) continue;
    Packet packet = queue.pop();
    made_room(e);
    stats_[stage.index]->add_in();
    packet.port = static_cast<std::uint8_t>(plan_.edges[e].to_port);
    if (packet.deadline <= now_) {
      drop_input(session, stage, DropReason::deadline);
      return true;
    }
    batch.take(session, e, std::move(packet), now_);
    return true;
  }
  return false;
}

void Shard::start_batch(BatchStage& batch, const Stage& stage) noexcept {
  for (const policy::BatchDrop& drop : batch.decide(now_)) {
    const Packet& packet = batch.place(drop.id).packet;
    if (packet.deadline > now_)
      tell_given_up(*batch.place(drop.id).session, stage, packet, policy::GiveUp::drop);
    drop_input(*batch.place(drop.id).session, stage, drop.reason);
    batch.give_back(drop.id);
  }
  SessionState* session = batch.ready();
  if (session == nullptr || !session->slots[stage.index].lane->idle()) return;
  const Filled filled = fill_job(batch, *session, stage);
  if (filled.inputs == 0) {
    more_ = true;  // what waits behind them may start
    return batch.failed(now_);
  }
  Lane& lane = *session->slots[stage.index].lane;
  stats_[stage.index]->record_batch(filled.inputs);
  if (filled.kept_separate > 0) stats_[stage.index]->add_kept_separate(filled.kept_separate);
  log_batch(*session, stage, filled);
  give_up_in_call(*session, stage, lane.job(), filled.inputs);
  batch.started();
  if (!posts_job(*session, stage.index, true)) return;
  lane.start(lane.timer() <= now_, filled.deadline);
  executor_.post(session->slots[stage.index].lane);
}

// Inputs that were withdrawn since the decision stay out; the rest is joined where it may be.
Shard::Filled Shard::fill_job(BatchStage& batch, SessionState& session,
                              const Stage& stage) noexcept {
  Filled filled;
  for (const policy::BatchItem& item : batch.inputs()) {
    Packet packet = batch.release(item.id);
    if (!session.shared->ledger.live(packet.lineage)) {
      drop_input(session, stage, DropReason::cancelled);
      continue;
    }
    stats_[stage.index]->record_queue_wait(now_, now_ - packet.enqueued);
    put_in_job(batch, session, stage, std::move(packet), filled);
  }
  return filled;
}

void Shard::put_in_job(BatchStage& batch, SessionState& session, const Stage& stage,
                       Packet&& packet, Filled& filled) noexcept {
  std::vector<Packet>& job = session.slots[stage.index].lane->job();
  ++filled.inputs;
  filled.deadline = std::min(filled.deadline, packet.deadline);
  const bool meant = batch.joins() && !job.empty() && same_work(job.back(), packet) &&
                     job.back().port == packet.port;
  if (meant && batch.custom() == nullptr) {
    if (joinable(job.back(), packet, batch.rules()) &&
        join(job.back(), packet, batch.rules(), *session.shared->payloads))
      return;
    ++filled.kept_separate;
  }
  if (!meant || batch.custom() == nullptr) ++filled.packets;
  job.push_back(std::move(packet));
}

void Shard::log_batch(SessionState& session, const Stage& stage, const Filled& filled) noexcept {
  Event event;
  event.type = EventType::batch;
  event.stage = static_cast<std::uint16_t>(stage.index);
  event.count = filled.inputs;
  event.calls = filled.packets;
  event.kept_separate = filled.kept_separate;
  log(session, std::move(event));
}

void Shard::end_batch(SessionState& session, const Stage& stage, const LaneResult& done) noexcept {
  const base::Duration took = done.at - done.started;
  if (!batches_[stage.index])
    return stats_[stage.index]->record_calls(session.slots[stage.index].job_calls, took);
  BatchStage& batch = *batches_[stage.index];
  if (batch.across_sessions()) return end_job(batch, session, stage, &done);
  if (!batch.in_flight() || !batch.runs_for(session)) return;
  end_call(batch, stage, took, batch.inputs().size());
}

// The call that ran is over; `worked` of its inputs made the node work.
void Shard::end_call(BatchStage& batch, const Stage& stage, base::Duration took,
                     std::size_t worked) noexcept {
  const bool learn = watches_[stage.index]->end(took);
  batch.finished(now_, took, learn ? static_cast<std::uint32_t>(worked) : 0);
  const policy::CostCurve& curve = batch.batcher().curve();
  if (worked > 0) stats_[stage.index]->record_calls(1, took);
  stats_[stage.index]->publish_cost({.runs = curve.runs(),
                                     .identified = curve.identified(),
                                     .fixed_us = curve.fixed_us(),
                                     .per_input_us = curve.per_input_us()});
}

void Shard::forget_batched(SessionState& session) noexcept {
  for (const Stage& stage : plan_.stages) {
    if (!batches_[stage.index]) continue;
    BatchStage& batch = *batches_[stage.index];
    for (BatchStage::Place& place : batch.places()) {
      if (place.session != &session || (place.running && batch.in_flight())) continue;
      drop_input(session, stage, DropReason::closed);
      if (!place.running) batch.remove(place);
    }
    if (batch.across_sessions()) {
      end_job(batch, session, stage, nullptr);
      continue;
    }
    // A call that hangs holds up the pool, but not the wrapper.
    if (batch.runs_for(session)) batch.failed(now_);
  }
}

}  // namespace millrace::engine
