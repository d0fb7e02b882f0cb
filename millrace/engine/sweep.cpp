#include <algorithm>
#include <utility>

#include "millrace/base/check.hpp"
#include "millrace/engine/shard.hpp"

// The stages that run on the shard: gather what waits, over all sessions, and call the node once.
namespace millrace::engine {

using base::Instant;
using graph::Stage;
using media::Packet;

namespace {
// Rounds of one stage in one sweep: a round ends at a marker, so this bounds markers, not data.
constexpr int kMaxRounds = 16;
constexpr base::Duration kLate = std::chrono::milliseconds(20);
}  // namespace

bool Shard::sweep_inline(const Stage& stage) noexcept {
  for (SessionState* session : sessions_) {
    deliver_controls(*session, stage);
    fire_timer(*session, stage);
  }
  for (int round = 0; round < kMaxRounds; ++round) {
    gathered_.clear();
    bool again = false;
    for (SessionState* session : sessions_) {
      if (stage.contract().role == node::Role::source) {
        gather_source(*session, stage);
      } else {
        gather(*session, stage);
      }
    }
    if (!gathered_.empty()) call(stage);
    for (SessionState* session : sessions_) again = take_markers(*session, stage) || again;
    if (!endings_.empty()) end_together(stage);
    if (gathered_.empty() && !again) return false;
  }
  return true;
}

std::size_t Shard::inputs_allowed(const SessionState& session, const Stage& stage) const noexcept {
  std::size_t allowed = kMaxTake;
  for (const std::uint32_t e : stage.out_edges) {
    const EdgeQueue& queue = session.queues[e];
    const std::size_t fit = queue.room() / stage.contract().max_outputs;
    // A queue that drops instead of blocking never stops its producer, but one input at a time is
    // enough then: the packets dropped should be those that truly found no room.
    const bool blocks = queue.config().policy == node::OverflowPolicy::block;
    allowed = std::min(allowed, blocks ? fit : std::max<std::size_t>(fit, 1));
    // Markers are never dropped, so who makes them waits for room, whatever the policy for data.
    if (stage.contract().speculates)
      allowed = std::min<std::size_t>(allowed, queue.marker_room() / kMarkersPerInput);
  }
  return allowed;
}

void Shard::made_room(std::size_t e) noexcept {
  const graph::Edge& edge = plan_.edges[e];
  if (edge.queue.policy == node::OverflowPolicy::block ||
      plan_.stages[edge.from].placement == node::Placement::pool)
    more_ = true;
}

void Shard::gather(SessionState& session, const Stage& stage) noexcept {
  const std::size_t allowed = inputs_allowed(session, stage);
  if (allowed == 0 && stage.contract().speculates) session.gate_stuck = true;
  Gathered take{&session, gathered_.size() * kMaxTake, 0};
  metrics::NodeStats& stats = *stats_[stage.index];
  std::uint32_t depth = 0;
  for (const std::uint32_t e : stage.in_edges) {
    EdgeQueue& queue = session.queues[e];
    depth = std::max(depth, queue.size());
    while (take.count < allowed) {
      const Packet* head = queue.head(now_, session.shared->ledger);
      if (head == nullptr || head->is_marker()) break;
      Packet& packet = scratch_[take.first + take.count];
      packet = queue.pop();
      packet.port = static_cast<std::uint8_t>(plan_.edges[e].to_port);
      stats.record_queue_wait(now_, now_ - packet.enqueued);
      made_room(e);
      ++take.count;
    }
  }
  stats.set_queue_depth(depth);
  if (take.count > 0) gathered_.push_back(take);
}

void Shard::gather_source(SessionState& session, const Stage& stage) noexcept {
  const std::size_t allowed = inputs_allowed(session, stage);
  Gathered take{&session, gathered_.size() * kMaxTake, 0};
  while (take.count < allowed) {
    if (!session.next_input) {
      InputPacket input;
      if (!take_input(session, stage.index, input)) break;
      session.next_input = std::move(input);
    }
    if (session.next_input->stage != stage.index || session.next_input->packet.is_marker()) break;
    Packet& packet = scratch_[take.first + take.count];
    packet = std::move(session.next_input->packet);
    session.next_input.reset();
    if (packet.enqueued == Instant{}) packet.enqueued = now_;
    if (packet.kind == media::PacketKind::audio)
      session.audio_arrived = std::max(session.audio_arrived, packet.to);
    ++take.count;
  }
  if (take.count > 0) gathered_.push_back(take);
}

void Shard::call(const Stage& stage) noexcept {
  works_.clear();
  std::size_t packets = 0;
  for (std::size_t i = 0; i < gathered_.size(); ++i) {
    const Gathered& take = gathered_[i];
    works_.push_back({.node = take.session->slots[stage.index].node.get(),
                      .packets = std::span(scratch_).subspan(take.first, take.count),
                      .context = &contexts_[i]});
    contexts_[i].aim(*this, *take.session, stage, &works_[i]);
    packets += take.count;
  }
  const Instant began = clock_.now();
  node::StageNode& node = *stages_->nodes[stage.index];
  if (node.batches()) {
    batch_calls_.fetch_add(1, std::memory_order_relaxed);
    batch_works_.fetch_add(works_.size(), std::memory_order_relaxed);
    node.process_batch(works_);
  } else {
    for (node::Work& work : works_) {
      for (std::size_t k = 0; k < work.packets.size(); ++k) {
        work.packet_index = k;
        work.node->process(work.packets[k], *work.context);
      }
    }
  }
  const Instant ended = clock_.now();
  metrics::NodeStats& stats = *stats_[stage.index];
  stats.add_in(packets);
  stats.record_calls(node.batches() ? 1 : packets, ended - began);
  for (const Gathered& take : gathered_) {
    for (std::size_t k = 0; k < take.count; ++k) {
      Packet& packet = scratch_[take.first + k];
      stats.record_latency(ended, ended - packet.enqueued);
      if (stage.contract().speculates && packet.kind == media::PacketKind::tensor) {
        const base::Duration late = ended - packet.due;
        decisions_.record(static_cast<std::uint64_t>(std::max<std::int64_t>(late.count(), 0)));
        if (late > kLate) late_.fetch_add(1, std::memory_order_relaxed);
      }
      if (packet.lineage.turn) account_work(*take.session, stage, packet.lineage, began, ended);
      packet = Packet{};
    }
  }
}

bool Shard::take_markers(SessionState& session, const Stage& stage) noexcept {
  bool any = false;
  if (stage.contract().role == node::Role::source) {
    if (!session.next_input) return false;
    InputPacket& input = *session.next_input;
    if (input.stage != stage.index || !input.packet.is_marker()) return false;
    Packet marker = std::move(input.packet);
    session.next_input.reset();
    marker.origin = static_cast<std::uint16_t>(stage.index);
    marker.id = session.next_control_id++;
    deliver_marker(session, stage, std::move(marker));
    return true;
  }
  for (const std::uint32_t e : stage.in_edges) {
    // What a marker makes the node emit needs room like any other output.
    if (inputs_allowed(session, stage) == 0 || !marker_room(session, stage)) return any;
    const Packet* head = session.queues[e].head(now_, session.shared->ledger);
    if (head == nullptr || !head->is_marker() || !marker_may_come(session, stage, *head)) continue;
    Packet marker = pop_marker(session, e);
    any = true;
    if (marker_complete(session, stage, marker)) deliver_marker(session, stage, std::move(marker));
  }
  return any;
}

Packet Shard::pop_marker(SessionState& session, std::size_t e) noexcept {
  EdgeQueue& queue = session.queues[e];
  if (queue.marker_room() <= kMarkersPerInput) more_ = true;  // someone may wait for this room
  return queue.pop();
}

bool Shard::marker_room(const SessionState& session, const Stage& stage) const noexcept {
  const std::uint32_t needed = stage.contract().speculates ? kMarkersPerInput : 1;
  return std::all_of(stage.out_edges.begin(), stage.out_edges.end(), [&](std::uint32_t e) {
    return plan_.edges[e].feedback || session.queues[e].marker_room() >= needed;
  });
}

std::uint32_t Shard::arrivals_expected(const Stage& stage, const Packet& marker) const noexcept {
  if (marker.control_type != media::ControlType::end_of_input)
    return marker_edges_[stage.index][marker.origin];
  return static_cast<std::uint32_t>(
      std::count_if(stage.in_edges.begin(), stage.in_edges.end(),
                    [&](std::uint32_t e) { return !plan_.edges[e].feedback; }));
}

namespace {

/// What copies of one marker have in common. Each edge says once that no more will come, whichever
/// source it began at.
MarkerArrival arrival_of(const Packet& marker) noexcept {
  const bool end = marker.control_type == media::ControlType::end_of_input;
  return {.id = end ? 0 : marker.id, .type = marker.control_type, .edges = 1};
}

}  // namespace

bool Shard::marker_may_come(const SessionState& session, const Stage& stage,
                            const Packet& marker) const noexcept {
  const auto& arrivals = session.slots[stage.index].arrivals;
  if (!arrivals.full() || arrivals_expected(stage, marker) <= 1) return true;
  const MarkerArrival wanted = arrival_of(marker);
  return std::any_of(arrivals.begin(), arrivals.end(), [&](const MarkerArrival& arrival) {
    return arrival.id == wanted.id && arrival.type == wanted.type;
  });
}

bool Shard::marker_complete(SessionState& session, const Stage& stage,
                            const Packet& marker) noexcept {
  Slot& slot = session.slots[stage.index];
  const std::uint32_t expected = arrivals_expected(stage, marker);
  if (expected <= 1) return true;
  const MarkerArrival wanted = arrival_of(marker);
  for (std::size_t i = 0; i < slot.arrivals.size(); ++i) {
    MarkerArrival& arrival = slot.arrivals[i];
    if (arrival.id != wanted.id || arrival.type != wanted.type) continue;
    if (++arrival.edges < expected) return false;
    if (slot.arrivals.full()) more_ = true;  // the markers of another edge may wait for a place
    slot.arrivals.erase(i);
    return true;
  }
  const bool noted = slot.arrivals.push_back(wanted);
  MR_CHECK(noted, "marker_may_come() said that there is a place");
  return false;
}

void Shard::deliver_marker(SessionState& session, const Stage& stage, Packet&& marker) noexcept {
  Slot& slot = session.slots[stage.index];
  if (slot.ended) return;
  const bool ends = marker.control_type == media::ControlType::end_of_input;
  if (ends && stages_->nodes[stage.index]->batches()) {
    slot.ended = true;
    return endings_.push_back({&session, std::move(marker)});
  }
  StageContext& context = contexts_.back();
  node::Work work{.node = slot.node.get(), .packets = {&marker, 1}, .context = &context};
  context.aim(*this, session, stage, &work);
  if (ends) {
    slot.ended = true;
    context.clear_input();
    slot.node->on_end(context);
  } else {
    slot.node->on_control(control_of(marker), context);
  }
  forward_marker(session, stage, marker);
}

void Shard::end_together(const Stage& stage) noexcept {
  works_.clear();
  for (std::size_t i = 0; i < endings_.size(); ++i) {
    SessionState& session = *endings_[i].session;
    works_.push_back(
        {.node = session.slots[stage.index].node.get(), .packets = {}, .context = &contexts_[i]});
    contexts_[i].aim(*this, session, stage, &works_[i]);
  }
  stages_->nodes[stage.index]->end_batch(works_);
  for (const Ending& ending : endings_) forward_marker(*ending.session, stage, ending.marker);
  endings_.clear();
}

void Shard::forward_marker(SessionState& session, const Stage& stage,
                           const Packet& marker) noexcept {
  for (const std::uint32_t e : stage.out_edges) {
    if (plan_.edges[e].feedback) continue;
    Packet copy = marker;
    copy.enqueued = now_;
    session.queues[e].push(std::move(copy), *session.shared->payloads);
  }
}

void Shard::fire_timer(SessionState& session, const Stage& stage) noexcept {
  Slot& slot = session.slots[stage.index];
  slot.timer_waits = false;
  if (slot.timer > now_ || slot.node == nullptr) return;
  // What it makes the node emit needs room, like what an input does.
  if (inputs_allowed(session, stage) == 0) {
    slot.timer_waits = true;
    session.gate_stuck = session.gate_stuck || stage.contract().speculates;
    return;
  }
  slot.timer = Instant{base::Duration::max()};
  StageContext& context = contexts_.back();
  context.aim(*this, session, stage, nullptr);
  slot.node->on_timer(context);
}

void Shard::route(SessionState& session, const Stage& stage, std::size_t port,
                  Packet&& packet) noexcept {
  stats_[stage.index]->add_out();
  packet.enqueued = now_;
  const bool live = session.shared->ledger.live(packet.lineage);
  std::uint32_t last = ~0U;
  for (const std::uint32_t e : stage.out_edges)
    if (plan_.edges[e].from_port == port) last = e;
  for (const std::uint32_t e : stage.out_edges) {
    if (plan_.edges[e].from_port != port) continue;
    EdgeQueue& queue = session.queues[e];
    if (!live) {
      queue.refuse(base::DropReason::cancelled);
    } else if (e == last) {
      queue.push(std::move(packet), *session.shared->payloads);
    } else {
      Packet copy = packet;
      queue.push(std::move(copy), *session.shared->payloads);
    }
  }
}

}  // namespace millrace::engine
