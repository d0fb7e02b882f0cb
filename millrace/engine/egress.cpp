#include <algorithm>
#include <utility>

#include "millrace/engine/shard.hpp"

// Sinks: the one fence of the way out. Nothing withdrawn leaves, nothing unconfirmed unless the
// manifest says so, and what leaves leaves in order.
namespace millrace::engine {

using graph::Stage;
using media::Packet;
using node::SessionNode;

bool Shard::sweep_sink(const Stage& stage) noexcept {
  bool more = false;
  for (SessionState* session : sessions_) {
    deliver_controls(*session, stage);
    Slot& slot = session->slots[stage.index];
    if (slot.player) slot.timer = base::Instant{base::Duration::max()};
    for (const std::uint32_t e : stage.in_edges) {
      stats_[stage.index]->set_queue_depth(session->queues[e].size());
      while (outbox_room(*session, stage)) {
        if (slot.player && !slot.player->wants_packet()) {
          if (!play(*session, stage)) break;
          continue;
        }
        if (!sink_takes_one(*session, stage, e)) break;
      }
      if (!outbox_room(*session, stage)) more = true;
      if (session->gate_stuck) more = yield_held(*session, stage, e) || more;
    }
    if (slot.player) slot.timer = slot.player->next_due(now_);
  }
  return more;
}

// The boundary's own overflow rule: what is held back may fill its queue, and the pressure may then
// stop the very gate that would confirm it. The oldest held packet gives way, and is counted.
bool Shard::yield_held(SessionState& session, const Stage& stage, std::uint32_t e) noexcept {
  EdgeQueue& queue = session.queues[e];
  const policy::SpeculationLedger& ledger = session.shared->ledger;
  const Packet* head = queue.head(now_, ledger);
  const bool full = queue.room() == 0 || queue.marker_room() < kMarkersPerInput;
  if (!full || head == nullptr || head->is_marker()) return false;
  if (ledger.fence(head->lineage) != policy::FenceDecision::hold) return false;
  log_withheld(session, stage, *head);
  queue.drop_head(base::DropReason::overflow);
  return true;
}

bool Shard::sink_takes_one(SessionState& session, const Stage& stage, std::uint32_t e) noexcept {
  EdgeQueue& queue = session.queues[e];
  Slot& slot = session.slots[stage.index];
  const policy::SpeculationLedger& ledger = session.shared->ledger;
  const Packet* head = queue.head(now_, ledger);
  if (head == nullptr) return false;
  if (head->is_marker()) {
    if (!marker_may_come(session, stage, *head)) return false;
    Packet marker = pop_marker(session, e);
    if (!marker_complete(session, stage, marker)) return true;
    const bool end = marker.control_type == media::ControlType::end_of_input && !slot.ended;
    deliver_marker(session, stage, std::move(marker));
    if (end && --session.sinks_open == 0) session.ended.store(true, std::memory_order_release);
    return true;
  }
  const policy::FenceDecision decision = ledger.fence(head->lineage);
  if (decision == policy::FenceDecision::hold && stage.commit && !stage.release_speculative)
    return false;
  Packet packet = queue.pop();
  made_room(e);
  packet.port = static_cast<std::uint8_t>(plan_.edges[e].to_port);
  stats_[stage.index]->add_in();
  stats_[stage.index]->record_queue_wait(now_, now_ - packet.enqueued);
  if (slot.player && packet.kind == media::PacketKind::audio) {
    if (slot.player->refuses(packet)) {
      log_withheld(session, stage, packet);
      stats_[stage.index]->add_dropped(base::DropReason::cancelled);
      return true;
    }
    slot.player->take(std::move(packet), now_);
  } else {
    sink_process(session, stage, packet);
  }
  return true;
}

void Shard::sink_process(SessionState& session, const Stage& stage, Packet& packet) noexcept {
  const base::Instant enqueued = packet.enqueued;
  StageContext& context = contexts_.back();
  SessionNode& node = *session.slots[stage.index].node;
  node::Work work{.node = &node, .packets = {&packet, 1}, .context = &context};
  context.aim(*this, session, stage, &work);
  const base::Instant began = clock_.now();
  node.process(packet, context);
  const base::Instant ended = clock_.now();
  stats_[stage.index]->record_calls(1, ended - began);
  stats_[stage.index]->record_latency(ended, ended - enqueued);
}

bool Shard::play(SessionState& session, const Stage& stage) noexcept {
  PacedSink& player = *session.slots[stage.index].player;
  // The fence once more: what was confirmed when it was taken may have been interrupted since.
  if (!session.shared->ledger.live(player.current()->lineage)) {
    log_withheld(session, stage, *player.current());
    player.flush(now_);
    return true;
  }
  auto piece = player.next_piece(now_, *session.shared->payloads);
  if (!piece) return player.wants_packet();
  sink_process(session, stage, *piece);
  return true;
}

void Shard::log_withheld(SessionState& session, const Stage& stage, const Packet& packet) noexcept {
  Event event;
  event.type = EventType::withheld;
  event.stage = static_cast<std::uint16_t>(stage.index);
  event.kind = packet.kind;
  event.lineage = packet.lineage;
  event.from = packet.from;
  event.to = packet.to;
  event.drop_reason = base::DropReason::cancelled;
  log(session, std::move(event));
}

void Shard::let_out(SessionState& session, const Stage& stage, Packet&& packet) noexcept {
  const policy::FenceDecision decision = session.shared->ledger.fence(packet.lineage);
  if (decision == policy::FenceDecision::drop) return;
  packet.state = decision == policy::FenceDecision::pass ? media::PacketState::confirmed
                                                         : media::PacketState::speculative;
  stats_[stage.index]->add_out();
  ++session.outputs;
  Event event;
  event.type = EventType::output;
  event.stage = static_cast<std::uint16_t>(stage.index);
  event.kind = packet.kind;
  event.state = packet.state;
  event.lineage = packet.lineage;
  event.about_turn = packet.about_turn;
  event.about_revision = packet.about_revision;
  event.final = packet.role != media::TextRole::partial;
  event.from = packet.from;
  event.to = packet.to;
  if (packet.kind == media::PacketKind::audio && packet.rate_hz > 0)
    event.duration = base::media_time(packet.frames, packet.rate_hz);
  if (packet.kind == media::PacketKind::text) event.body = packet.payload;
  log(session, std::move(event));
  account_output(session, packet);
  const bool taken = session.outbox.try_push({stage.index, std::move(packet)});
  if (!taken) {
    // sweep_sink() left room for max_outputs, so the node broke its contract.
    stats_[stage.index]->add_dropped(base::DropReason::overflow);
  }
}

}  // namespace millrace::engine
