#include <algorithm>
#include <utility>

#include "millrace/engine/shard.hpp"

// The stages that run elsewhere: results come back like arrivals, and the next job goes out.
namespace millrace::engine {

using base::Instant;
using graph::Stage;
using media::Packet;

bool Shard::sweep_pool(const Stage& stage) noexcept {
  if (const auto& batch = batches_[stage.index])
    return batch->across_sessions() ? sweep_together(stage) : sweep_batched(stage);
  bool more = false;
  for (SessionState* session : sessions_) {
    deliver_controls(*session, stage);
    more = take_results(*session, stage) || more;
    if (session->slots[stage.index].lane->idle()) post_job(*session, stage);
  }
  return more;
}

bool Shard::room_for_result(const SessionState& session, const Stage& stage,
                            std::size_t port) const noexcept {
  // A worker can wait, so no queue has to drop what it made.
  for (const std::uint32_t e : stage.out_edges)
    if (plan_.edges[e].from_port == port && session.queues[e].room() == 0) return false;
  return true;
}

bool Shard::take_results(SessionState& session, const Stage& stage) noexcept {
  Slot& slot = session.slots[stage.index];
  for (;;) {
    if (!slot.has_result) {
      if (!take_result(session, stage.index)) return false;
      slot.has_result = true;
    }
    LaneResult& result = slot.result;
    switch (result.what) {
      case LaneResult::What::packet:
        if (result.packet.is_marker()) {
          if (!marker_room(session, stage)) return false;
          if (result.packet.control_type == media::ControlType::end_of_input) slot.ended = true;
          forward_marker(session, stage, result.packet);
          break;
        }
        if (session.shared->ledger.live(result.packet.lineage) &&
            !room_for_result(session, stage, result.port))
          return false;  // the sweep after the consumer has taken something goes on here
        stats_[stage.index]->record_latency(now_, result.at - result.started);
        if (batches_[stage.index] && batches_[stage.index]->runs_for(session))
          watches_[stage.index]->output(result.at - result.started);
        account_work(session, stage, result.packet.lineage, result.started, result.at);
        route(session, stage, result.port, std::move(result.packet));
        break;
      case LaneResult::What::control:
        add_control(session, stage.index, std::move(result.control));
        break;
      case LaneResult::What::failed: log_failed(session, stage, std::move(result.packet)); break;
      case LaneResult::What::merge_failed:
        stats_[stage.index]->add_merge_failed();
        stats_[stage.index]->add_kept_separate(result.inputs - 1);
        log_failed(session, stage, std::move(result.packet));
        break;
      case LaneResult::What::job_done: end_batch(session, stage, result); break;
    }
    result = LaneResult{};
    slot.has_result = false;
  }
}

void Shard::log_failed(SessionState& session, const Stage& stage, Packet&& what) noexcept {
  Event event;
  event.type = EventType::failed;
  event.stage = static_cast<std::uint16_t>(stage.index);
  event.body = std::move(what.payload);
  log(session, std::move(event));
}

// Fills the next job of the session from its queues.
void Shard::gather_job(SessionState& session, const Stage& stage) noexcept {
  const Slot& slot = session.slots[stage.index];
  std::vector<Packet>& job = slot.lane->job();
  std::uint32_t depth = 0;
  for (const std::uint32_t e : stage.in_edges) {
    EdgeQueue& queue = session.queues[e];
    depth = std::max(depth, queue.size());
    while (job.size() < Lane::kMaxJobPackets && !slot.ended) {
      const Packet* head = queue.head(now_, session.shared->ledger);
      if (head == nullptr || !may_enter_job(stage, *head)) break;
      if (head->is_marker() && !marker_may_come(session, stage, *head)) break;
      Packet packet = head->is_marker() ? pop_marker(session, e) : queue.pop();
      if (packet.is_marker()) {
        if (!marker_complete(session, stage, packet)) continue;
      } else {
        made_room(e);
        stats_[stage.index]->add_in();
        packet.port = static_cast<std::uint8_t>(plan_.edges[e].to_port);
      }
      job.push_back(std::move(packet));
    }
  }
  stats_[stage.index]->set_queue_depth(depth);
}

void Shard::post_job(SessionState& session, const Stage& stage) noexcept {
  gather_job(session, stage);
  Lane& lane = *session.slots[stage.index].lane;
  const bool natural = !lane.job().empty() || lane.timer() <= now_ || lane.has_controls();
  send_job(session, stage, natural, Lane::Fate::run);
}

// `natural`: as in posts_job().
void Shard::send_job(SessionState& session, const Stage& stage, bool natural,
                     Lane::Fate fate) noexcept {
  if (!posts_job(session, stage.index, natural)) return;
  begin_job(session, stage, fate);
  executor_.post(session.slots[stage.index].lane);
}

// The job leaves the shard; whoever calls this posts it.
void Shard::begin_job(SessionState& session, const Stage& stage, Lane::Fate fate) noexcept {
  Slot& slot = session.slots[stage.index];
  Lane& lane = *slot.lane;
  slot.job_calls = 0;
  for (const Packet& packet : lane.job()) {
    if (packet.is_marker()) continue;
    stats_[stage.index]->record_queue_wait(now_, now_ - packet.enqueued);
    ++slot.job_calls;
  }
  lane.start(lane.timer() <= now_, deadline_of(lane.job()), fate);
}

Instant Shard::deadline_of(std::span<const Packet> job) noexcept {
  Instant deadline = media::kNoDeadline;
  for (const Packet& packet : job) deadline = std::min(deadline, packet.deadline);
  return deadline;
}

// Where inputs are joined, data comes in calls of its own; see start_batch().
bool Shard::may_enter_job(const Stage& stage, const Packet& packet) const noexcept {
  const auto& batch = batches_[stage.index];
  return packet.is_marker() || batch == nullptr || batch->across_sessions();
}

}  // namespace millrace::engine
