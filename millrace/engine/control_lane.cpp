#include <algorithm>
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

void Shard::add_control(SessionState& session, std::uint32_t origin, Control control) noexcept {
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
    if (origin != kAnyOrigin && !reaches(origin, stage.index)) continue;
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

ControlStatus status_of(policy::Verdict verdict) noexcept {
  switch (verdict) {
    case policy::Verdict::applied: return ControlStatus::applied;
    case policy::Verdict::duplicate: return ControlStatus::duplicate;
    case policy::Verdict::too_late: return ControlStatus::too_late;
    case policy::Verdict::unknown: return ControlStatus::rejected;
  }
  return ControlStatus::rejected;
}

/// No range at all, or one that begins before it ends.
bool range_wrong(const Control& control) noexcept {
  const base::MediaTime none{0};
  if (control.from < none || control.to < none) return true;
  return control.type == ControlType::cancel_speculation &&
         (control.from != none || control.to != none) && control.from >= control.to;
}

/// What an id that was used before means for `foreign`; applied when it was not.
ControlStatus seen_before(const SessionState& session, const ForeignControl& foreign) noexcept {
  if (foreign.control.id == 0) return ControlStatus::applied;
  for (const SeenControl& seen : session.seen_controls)
    if (seen.id == foreign.control.id)
      return seen.content == foreign.content ? ControlStatus::duplicate : ControlStatus::rejected;
  return ControlStatus::applied;
}

// A message that was refused has not used its id up: it may be mended and sent again.
void remember(SessionState& session, const ForeignControl& foreign, ControlStatus status) noexcept {
  if (foreign.control.id == 0) return;
  if (status == ControlStatus::rejected || status == ControlStatus::overloaded) return;
  if (seen_before(session, foreign) == ControlStatus::duplicate) return;
  session.seen_controls[session.next_seen] = {foreign.control.id, foreign.content};
  session.next_seen = (session.next_seen + 1) % kSeenControls;
}

}  // namespace

void Shard::apply_foreign(SessionState& session, ForeignControl& foreign) noexcept {
  Control& control = foreign.control;
  ControlStatus status = seen_before(session, foreign);
  if (foreign.oversized || range_wrong(control)) status = ControlStatus::rejected;
  if (status == ControlStatus::applied) {
    status = act_on(session, control);
    remember(session, foreign, status);
  }
  Event event;
  event.type = EventType::control;
  event.control_type = control.type;
  event.status = status;
  event.id = control.id;
  event.segment = control.segment;
  event.sent = control.sent;
  log(session, std::move(event));
  // An interruption reaches the nodes from flush_interrupted(), with what was played.
  if (status == ControlStatus::applied && control.type != ControlType::interrupt)
    add_control(session, kAnyOrigin, std::move(control));
}

ControlStatus Shard::act_on(SessionState& session, Control& control) noexcept {
  policy::SpeculationLedger& ledger = session.shared->ledger;
  ControlStatus status = ControlStatus::applied;
  Event event;
  event.segment = control.segment;
  switch (control.type) {
    case ControlType::cancel_speculation:
      status = status_of(ledger.cancel(control.segment));
      if (status != ControlStatus::applied) break;
      event.type = EventType::speculation_cancelled;
      event.from = control.from;
      event.to = control.to;
      event.cancel_reason = media::CancelReason::client;
      log(session, std::move(event));
      withdraw_queued(session, kAnyOrigin);
      break;
    case ControlType::confirm_speculation:
      status = status_of(ledger.confirm(control.segment));
      if (status != ControlStatus::applied) break;
      event.type = EventType::speculation_confirmed;
      log(session, std::move(event));
      break;
    case ControlType::interrupt:
      if (!control.turn) control.turn = ledger.last_turn();
      status = status_of(ledger.interrupt(control.turn));
      if (status == ControlStatus::applied) flush_interrupted(session, control);
      break;
    case ControlType::batch_hint:
    case ControlType::deadline_warning:
    case ControlType::custom:
      if (session.controls.size() == kMaxControls) status = ControlStatus::overloaded;
      break;
    case ControlType::eager_end_of_turn:
    case ControlType::turn_resumed:
    case ControlType::end_of_turn:
    case ControlType::end_of_input: status = ControlStatus::rejected; break;
  }
  return status;
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
