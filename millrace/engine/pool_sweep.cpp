#include <algorithm>
#include <utility>

#include "millrace/engine/shard.hpp"

// The stages that run elsewhere: results come back like arrivals, and the next job goes out.
namespace millrace::engine {

using base::Instant;
using graph::Stage;
using media::Packet;

bool Shard::sweep_pool(const Stage& stage) noexcept {
  if (batches_[stage.index]) return sweep_batched(stage);
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
        account_work(session, stage, result.packet.lineage, result.started, result.at);
        route(session, stage, result.port, std::move(result.packet));
        break;
      case LaneResult::What::control:
        add_control(session, stage.index, std::move(result.control));
        break;
      case LaneResult::What::failed: {
        Event event;
        event.type = EventType::failed;
        event.stage = static_cast<std::uint16_t>(stage.index);
        event.body = std::move(result.packet.payload);
        log(session, std::move(event));
        break;
      }
      case LaneResult::What::job_done: end_batch(session, stage, result); break;
    }
    result = LaneResult{};
    slot.has_result = false;
  }
}

void Shard::post_job(SessionState& session, const Stage& stage) noexcept {
  Slot& slot = session.slots[stage.index];
  Lane& lane = *slot.lane;
  std::vector<Packet>& job = lane.job();
  metrics::NodeStats& stats = *stats_[stage.index];
  Instant deadline = media::kNoDeadline;
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
        stats.add_in();
        stats.record_queue_wait(now_, now_ - packet.enqueued);
        packet.port = static_cast<std::uint8_t>(plan_.edges[e].to_port);
        deadline = std::min(deadline, packet.deadline);
      }
      job.push_back(std::move(packet));
    }
  }
  stats.set_queue_depth(depth);
  const bool timer = lane.timer() <= now_;
  const bool natural = !job.empty() || timer || lane.has_controls();
  if (!posts_job(session, stage.index, natural)) return;
  slot.job_calls = static_cast<std::uint32_t>(std::count_if(
      job.begin(), job.end(), [](const Packet& packet) { return !packet.is_marker(); }));
  lane.start(timer, deadline);
  executor_.post(slot.lane);
}

// Behind the batching wrapper data comes in calls of its own; see start_batch().
bool Shard::may_enter_job(const Stage& stage, const Packet& packet) const noexcept {
  return packet.is_marker() || batches_[stage.index] == nullptr;
}

}  // namespace millrace::engine
