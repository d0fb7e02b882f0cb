#include "millrace/engine/batch_stage.hpp"

#include <algorithm>
#include <utility>

#include "millrace/base/check.hpp"
#include "millrace/base/limits.hpp"
#include "millrace/engine/lane.hpp"
#include "millrace/engine/session_state.hpp"

namespace millrace::engine {

using base::Instant;
using media::Packet;

namespace {

policy::MergeStrategy strategy_of(manifest::MergeKind kind) {
  switch (kind) {
    case manifest::MergeKind::concatenate_text: return policy::MergeStrategy::concatenate_text;
    case manifest::MergeKind::concatenate_audio: return policy::MergeStrategy::concatenate_audio;
    case manifest::MergeKind::keep_separate: return policy::MergeStrategy::keep_separate;
    case manifest::MergeKind::custom: return policy::MergeStrategy::custom;
  }
  return policy::MergeStrategy::keep_separate;
}

policy::BatcherParams params_of(const graph::Stage& stage) {
  const graph::Batching& batching = *stage.batching;
  policy::BatcherParams params;
  params.mode = batching.mode == manifest::BufferingMode::fixed ? policy::BatchMode::fixed
                                                                : policy::BatchMode::greedy;
  params.strategy = strategy_of(batching.merge.kind);
  params.overflow = policy::OverflowPolicy::block;  // the queue in front acts; see has_room()
  params.min_batch_size = batching.min_batch_size;
  params.max_wait = batching.max_wait;
  params.max_buffer_size = batching.max_buffer_size;
  params.across_sessions = batching.across_sessions;
  params.max_batch = batching.across_sessions ? Lane::kMostTogether : Lane::kMaxJobPackets;
  params.drop_hopeless = stage.drop_hopeless;
  return params;
}

/// Of what an input may be joined with: its session, turn, revision and segments. Two groups with
/// the same number are told apart when the packets are joined.
std::uint64_t group_of(const SessionState& session, const media::Lineage& lineage) noexcept {
  std::uint64_t hash = 0xCBF29CE484222325ULL;
  const auto add = [&](std::uint64_t value) { hash = (hash ^ value) * 0x100000001B3ULL; };
  add(session.number);
  add(lineage.turn.number);
  add(lineage.revision);
  for (const base::SegmentId segment : lineage.segments) add(segment.number);
  return hash;
}

std::uint32_t number_of(const SessionState& session) noexcept {
  return static_cast<std::uint32_t>(session.number);
}

}  // namespace

BatchStage::BatchStage(const graph::Stage& stage)
    : stage_(stage.index),
      budget_(stage.deadline_budget),
      separator_(stage.batching->merge.separator),
      custom_(stage.batching->custom),
      batcher_(params_of(stage)),
      places_(stage.batching->max_buffer_size + Lane::kMaxJobPackets) {
  if (stage.declared_average) batcher_.declare_average(*stage.declared_average);
  rules_.separator = separator_;
  rules_.max_gap = std::chrono::milliseconds(stage.batching->merge.max_gap_ms);
  rules_.max_bytes = base::limits::kPayloadBytes;
}

std::uint32_t& BatchStage::waiting_of(SessionState& session) const noexcept {
  return session.slots[stage_].batched;
}

bool BatchStage::has_room(const SessionState& session) const noexcept {
  const std::uint32_t used = batcher_.waiting();
  const std::uint32_t most = batcher_.params().max_buffer_size;
  if (used >= most) return false;
  if (across_sessions()) return true;  // a session has one job that waits at most
  const std::uint32_t own = session.slots[stage_].batched;
  if (own < most - used) return true;
  // Alone. A fixed number may need every place; greedy gains nothing from the last ones, and who
  // comes next should find one before the next call is decided upon.
  const bool fixed = batcher_.params().mode == policy::BatchMode::fixed;
  return own == used && (fixed || used < most - most / 4);
}

void BatchStage::take(SessionState& session, std::uint32_t edge, Packet&& packet,
                      Instant now) noexcept {
  if (budget_) packet.deadline = std::min(packet.deadline, now + *budget_);
  Place& place = push(session, group_of(session, packet.lineage), now, packet.deadline);
  place.edge = edge;
  place.packet = std::move(packet);
}

void BatchStage::offer(SessionState& session, const Packet& what, Instant now) noexcept {
  const Instant deadline = budget_ ? std::min(what.deadline, now + *budget_) : what.deadline;
  Packet& header = push(session, session.number, now, deadline).packet;
  header.kind = what.kind;
  header.lineage = what.lineage;
  header.deadline = deadline;
}

BatchStage::Place& BatchStage::push(SessionState& session, std::uint64_t group, Instant now,
                                    Instant deadline) noexcept {
  const auto free = std::find_if(places_.begin(), places_.end(),
                                 [](const Place& place) { return place.session == nullptr; });
  MR_CHECK(free != places_.end(), "has_room() said that there is a place");
  const policy::BatchInput input{.id = static_cast<std::uint64_t>(free - places_.begin()) + 1,
                                 .session = number_of(session),
                                 .group = group,
                                 .arrival = now,
                                 .deadline = deadline,
                                 .first_chunk = waiting_of(session) == 0 && caller_ != &session,
                                 .size = 1};
  const policy::Pushed pushed = batcher_.push(input);
  MR_CHECK(pushed.outcome == policy::Pushed::Outcome::accepted ||
               pushed.outcome == policy::Pushed::Outcome::full_flush,
           "a buffer with room takes an input");
  *free = {.session = &session, .edge = 0, .running = false, .packet = {}};
  ++waiting_of(session);
  return *free;
}

BatchStage::Place* BatchStage::offered(const SessionState& session) noexcept {
  const auto found = std::find_if(places_.begin(), places_.end(), [&](const Place& place) {
    return place.session == &session && !place.running;
  });
  return found == places_.end() ? nullptr : &*found;
}

void BatchStage::release_job(std::uint64_t id) noexcept {
  members_.push_back({.session = place(id).session});
  --waiting_of(*place(id).session);
}

std::optional<BatchStage::CallEnd> BatchStage::job_over(const SessionState& session,
                                                        const LaneResult* done) noexcept {
  const auto member = std::find_if(members_.begin(), members_.end(), [&](const Member& m) {
    return m.session == &session && !m.over;
  });
  if (!started_ || member == members_.end()) return std::nullopt;
  member->over = true;
  if (done != nullptr) {
    began_ = std::min(began_, done->started);
    ended_ = std::max(ended_, done->at);
    worked_ += done->deferred;
  }
  if (!std::all_of(members_.begin(), members_.end(), [](const Member& m) { return m.over; }))
    return std::nullopt;
  return CallEnd{.took = std::max(ended_ - began_, base::Duration{0}), .worked = worked_};
}

void BatchStage::remove(Place& place) noexcept {
  (void)batcher_.cancel(static_cast<std::uint64_t>(&place - places_.data()) + 1);
  --waiting_of(*place.session);
  place = Place{};
}

void BatchStage::give_back(std::uint64_t id) noexcept {
  --waiting_of(*place(id).session);
  place(id) = Place{};
}

std::span<const policy::BatchDrop> BatchStage::decide(Instant now) noexcept {
  wake_at_ = Instant{base::Duration::max()};
  const policy::BatchDecision decision = batcher_.next(now, caller_ == nullptr);
  if (decision.what == policy::BatchDecision::What::wake) wake_at_ = decision.wake_at;
  if (decision.what == policy::BatchDecision::What::start) {
    run_ = decision.run;
    inputs_ = decision.inputs;
    caller_ = place(inputs_.front().id).session;
    started_ = false;
    members_.clear();
    began_ = Instant{base::Duration::max()};
    ended_ = Instant{};
    worked_ = 0;
    for (const policy::BatchItem& item : inputs_) place(item.id).running = true;
  }
  return decision.dropped;
}

Packet BatchStage::release(std::uint64_t id) noexcept {
  --waiting_of(*place(id).session);
  return std::exchange(place(id).packet, Packet{});
}

void BatchStage::end_call(std::span<const policy::BatchItem> items) noexcept {
  for (const policy::BatchItem& item : items) place(item.id) = Place{};
  inputs_ = {};
  caller_ = nullptr;
  started_ = false;
}

void BatchStage::finished(Instant now, base::Duration took, std::uint32_t worked) noexcept {
  end_call(batcher_.finished(run_, now, took, worked));
}

void BatchStage::failed(Instant now) noexcept {
  end_call(batcher_.failed(run_, now));
}

}  // namespace millrace::engine
