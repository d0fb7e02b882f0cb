#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>

#include "millrace/engine/shard.hpp"

// Urgent control: the ledger first, then every node it reaches, ahead of all data.
namespace millrace::engine {

using graph::Stage;
using media::Control;
using media::ControlType;

Control Shard::control_for(SessionState& session, ControlType type) noexcept {
  Control control;
  control.type = type;
  control.id = session.next_control_id++;
  control.sent = now_;
  return control;
}

ControlAnswer Shard::apply_hint(const Control& hint, std::uint32_t origin) noexcept {
  constexpr std::int64_t kMost = std::numeric_limits<std::uint32_t>::max();
  if (hint.value < 0) return {ControlStatus::rejected, ControlCode::bad_value};
  const auto size = static_cast<std::uint32_t>(std::min(hint.value, kMost));
  const auto chars = hint.body.as<char>();
  const std::string_view named(chars.data(), chars.size());
  bool found = named.empty();
  for (const Stage& stage : plan_.stages) {
    if (!batches_[stage.index] || (!named.empty() && stage.id != named)) continue;
    if (origin != kAnyOrigin && !reaches(stage.index, origin)) continue;
    batches_[stage.index]->hint(size);
    found = true;
  }
  if (!found) return {ControlStatus::rejected, ControlCode::unknown_node};
  more_ = true;  // what waits may be enough now
  return {};
}

void Shard::add_control(SessionState& session, std::uint32_t origin, Control control) noexcept {
  if (control.type == ControlType::batch_hint && origin != kAnyOrigin)
    (void)apply_hint(control, origin);
  // Cancels and confirms are in the ledger already; a node that misses one still sees what it
  // hangs on withdrawn.
  if (session.controls.size() == kMaxControls) return;
  if (control.id == 0) control.id = session.next_control_id++;
  session.controls.push_back(std::move(control));
  session.control_origins.push_back(origin);
}

void Shard::deliver_controls(SessionState& session, const Stage& stage) noexcept {
  Slot& slot = session.slots[stage.index];
  while (slot.controls_seen < session.controls.size()) {
    const std::uint32_t i = slot.controls_seen++;
    const std::uint32_t origin = session.control_origins[i];
    if (origin != kAnyOrigin && !concerns(session.controls[i].type, origin, stage.index)) continue;
    if (slot.lane != nullptr) {
      // A full ring is no loss: the ledger says what was withdrawn.
      (void)slot.lane->post_control(session.controls[i]);
      continue;
    }
    StageContext& context = contexts_.back();
    context.aim(*this, session, stage, nullptr);
    const Control control = session.controls[i];  // on_control may add to the list
    slot.node->on_control(control, context);
  }
}

void Shard::withdraw_queued(SessionState& session, std::uint32_t origin) noexcept {
  for (std::size_t e = 0; e < plan_.edges.size(); ++e) {
    const graph::Edge& edge = plan_.edges[e];
    if (origin != kAnyOrigin && edge.from != origin && !reaches(origin, edge.from)) continue;
    const Stage& to = plan_.stages[edge.to];
    const bool sink = to.contract().role == node::Role::sink;
    session.queues[e].withdraw(session.shared->ledger, [&](const media::Packet& packet) {
      if (sink) log_withheld(session, to, packet);
    });
  }
}

namespace {

ControlCode already(policy::SegmentState state) noexcept {
  switch (state) {
    case policy::SegmentState::confirmed: return ControlCode::already_confirmed;
    case policy::SegmentState::cancelled: return ControlCode::already_cancelled;
    case policy::SegmentState::failed: return ControlCode::already_failed;
    case policy::SegmentState::unknown:
    case policy::SegmentState::speculative: break;
  }
  return ControlCode::none;
}

/// What the ledger's verdict is to the sender: `unknown` says what it did not know, `is` what the
/// segment or turn is already.
ControlAnswer answer_to(policy::Verdict verdict, ControlCode unknown, ControlCode is) noexcept {
  switch (verdict) {
    case policy::Verdict::applied: return {};
    case policy::Verdict::duplicate: return {ControlStatus::duplicate, is};
    case policy::Verdict::too_late: return {ControlStatus::too_late, is};
    case policy::Verdict::unknown: break;
  }
  return {ControlStatus::rejected, unknown};
}

ControlAnswer refused(ControlCode code) noexcept {
  return {ControlStatus::rejected, code};
}

/// No range at all, or one that begins before it ends.
bool range_wrong(const Control& control) noexcept {
  const base::MediaTime none{0};
  if (control.from < none || control.to < none) return true;
  return control.type == ControlType::cancel_speculation &&
         (control.from != none || control.to != none) && control.from >= control.to;
}

/// What is wrong with `foreign` whatever the ledger says. A range that has left the ring on the
/// other side needs no check: its segment is confirmed by then, and the cancel comes too late.
ControlCode fault_of(const SessionState& session, const ForeignControl& foreign) noexcept {
  if (foreign.oversized) return ControlCode::too_large;
  if (range_wrong(foreign.control)) return ControlCode::bad_range;
  const bool cancel = foreign.control.type == ControlType::cancel_speculation;
  if (cancel && foreign.control.to > base::MediaTime{0} &&
      foreign.control.from >= session.audio_arrived)
    return ControlCode::outside_ring;
  return ControlCode::none;
}

const SeenControl* seen_before(const SessionState& session, std::uint64_t id) noexcept {
  if (id == 0) return nullptr;
  for (const SeenControl& seen : session.seen_controls)
    if (seen.id == id) return &seen;
  return nullptr;
}

/// The answer to a message whose id is known: that it acted already, or what it was told before.
ControlAnswer answer_again(const SeenControl& seen, const ForeignControl& foreign) noexcept {
  if (seen.content != foreign.content) return refused(ControlCode::duplicate_id_other_content);
  if (seen.answer.status == ControlStatus::applied)
    return {ControlStatus::duplicate, ControlCode::repeated};
  return seen.answer;
}

// A message that was refused has not used its id up: it may be mended and sent again.
void remember(SessionState& session, const ForeignControl& foreign, ControlAnswer answer) noexcept {
  if (foreign.control.id == 0) return;
  if (answer.status == ControlStatus::rejected || answer.status == ControlStatus::overloaded)
    return;
  session.seen_controls[session.next_seen] = {foreign.control.id, foreign.content, answer};
  session.next_seen = (session.next_seen + 1) % kSeenControls;
}

}  // namespace

void Shard::apply_foreign(SessionState& session, ForeignControl& foreign) noexcept {
  Control& control = foreign.control;
  ControlAnswer answer;
  if (const ControlCode fault = fault_of(session, foreign); fault != ControlCode::none) {
    answer = refused(fault);
  } else if (const SeenControl* seen = seen_before(session, control.id)) {
    answer = answer_again(*seen, foreign);
  } else {
    answer = act_on(session, control);
    remember(session, foreign, answer);
  }
  ++session.control_answers[static_cast<std::size_t>(answer.status)];
  Event event;
  event.type = EventType::control;
  event.control_type = control.type;
  event.status = answer.status;
  event.code = answer.code;
  event.id = control.id;
  event.segment = control.segment;
  event.sent = control.sent;
  log(session, std::move(event));
  // An interruption reaches the nodes from flush_interrupted(), with what was played.
  if (answer.status == ControlStatus::applied && control.type != ControlType::interrupt)
    add_control(session, kAnyOrigin, std::move(control));
}

ControlAnswer Shard::act_on(SessionState& session, Control& control) noexcept {
  policy::SpeculationLedger& ledger = session.shared->ledger;
  ControlAnswer answer;
  Event event;
  event.segment = control.segment;
  const auto of_segment = [&](policy::Verdict verdict) {
    return answer_to(verdict, ControlCode::unknown_segment, already(ledger.state(control.segment)));
  };
  switch (control.type) {
    case ControlType::cancel_speculation:
      answer = of_segment(ledger.cancel(control.segment));
      if (answer.status != ControlStatus::applied) break;
      event.type = EventType::speculation_cancelled;
      event.from = control.from;
      event.to = control.to;
      event.cancel_reason = media::CancelReason::client;
      log(session, std::move(event));
      withdraw_queued(session, kAnyOrigin);
      break;
    case ControlType::confirm_speculation:
      answer = of_segment(ledger.confirm(control.segment));
      if (answer.status != ControlStatus::applied) break;
      event.type = EventType::speculation_confirmed;
      log(session, std::move(event));
      break;
    case ControlType::interrupt: answer = interrupt_from_outside(session, control); break;
    case ControlType::batch_hint:
      if (session.controls.size() == kMaxControls) {
        answer = {ControlStatus::overloaded, ControlCode::lane_full};
      } else {
        answer = apply_hint(control, kAnyOrigin);
      }
      break;
    case ControlType::deadline_warning:
    case ControlType::custom:
      if (session.controls.size() == kMaxControls)
        answer = {ControlStatus::overloaded, ControlCode::lane_full};
      break;
    case ControlType::eager_end_of_turn:
    case ControlType::turn_resumed:
    case ControlType::end_of_turn:
    case ControlType::end_of_input: answer = refused(ControlCode::gate_only); break;
  }
  return answer;
}

ControlAnswer Shard::interrupt_from_outside(SessionState& session, Control& control) noexcept {
  policy::SpeculationLedger& ledger = session.shared->ledger;
  if (!control.turn) control.turn = ledger.last_turn();
  ControlAnswer answer;
  // Before the first turn only a greeting can play, which no turn names.
  const bool greeting = !control.turn && playing(session);
  if (!greeting)
    answer = answer_to(ledger.interrupt(control.turn), ControlCode::unknown_turn,
                       ControlCode::already_interrupted);
  if (answer.status == ControlStatus::applied) flush_interrupted(session, control);
  return answer;
}

void Shard::flush_interrupted(SessionState& session, Control control) noexcept {
  for (const std::uint32_t sink : plan_.sinks)
    if (auto& player = session.slots[sink].player)
      control.played = std::max(control.played, player->interrupt(now_));
  Event event;
  event.type = EventType::interrupt;
  event.lineage.turn = control.turn;
  event.from = control.from;
  event.played = control.played;
  event.id = control.id;
  log(session, std::move(event));
  withdraw_queued(session, kAnyOrigin);
  more_ = true;
  add_control(session, kAnyOrigin, std::move(control));
}

bool Shard::playing(const SessionState& session) const noexcept {
  for (const std::uint32_t sink : plan_.sinks) {
    const auto& player = session.slots[sink].player;
    if (player && player->playing(now_)) return true;
  }
  return false;
}

void Shard::hold_playback(SessionState& session, bool paused) noexcept {
  for (const std::uint32_t sink : plan_.sinks) {
    auto& player = session.slots[sink].player;
    if (!player) continue;
    if (paused) {
      player->pause(now_);
    } else {
      player->resume(now_);
    }
  }
  more_ = true;
  Event event;
  event.type = paused ? EventType::playback_paused : EventType::playback_resumed;
  event.lineage.turn = session.shared->ledger.last_turn();
  log(session, std::move(event));
}

void Shard::tell_budget(SessionState& session) noexcept {
  const policy::BudgetChange change = session.budget.update(now_);
  if (change == policy::BudgetChange::none) return;
  Event event;
  event.type = EventType::budget;
  event.count = change == policy::BudgetChange::paused ? 1 : 0;
  log(session, std::move(event));
}

}  // namespace millrace::engine
