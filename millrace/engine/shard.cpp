#include "millrace/engine/shard.hpp"

#include <algorithm>
#include <utility>

#include "millrace/base/check.hpp"
#include "millrace/base/limits.hpp"
#include "millrace/rt/guard.hpp"

namespace millrace::engine {

using base::Instant;

namespace {
constexpr std::size_t kForeignControls = 4096;
constexpr std::size_t kControlsPerPass = 1024;
constexpr std::size_t kLongestNodeName = 256;
constexpr std::size_t kForeignBodyBytes = 16 * base::limits::kControlMetadataBytes;

/// FNV-1a over what a message says; when it was said is left out, so that a message sent again is
/// the same message.
std::uint64_t content_of(const media::Control& control) noexcept {
  std::uint64_t hash = 0xCBF29CE484222325ULL;
  const auto add = [&](std::uint64_t value) { hash = (hash ^ value) * 0x100000001B3ULL; };
  add(static_cast<std::uint64_t>(control.type));
  add(control.segment.number);
  add(control.turn.number);
  add(control.revision);
  add(static_cast<std::uint64_t>(control.from.count()));
  add(static_cast<std::uint64_t>(control.to.count()));
  add(static_cast<std::uint64_t>(control.value));
  for (const std::byte byte : control.body.bytes()) add(static_cast<std::uint64_t>(byte));
  return hash;
}
}  // namespace

Shard::Shard(std::shared_ptr<ShardStages> stages, std::span<StageEngine> engines,
             const base::Clock& clock, LaneExecutor& executor, std::size_t max_sessions)
    : stages_(std::move(stages)),
      plan_(*stages_->plan),
      engines_(engines),
      clock_(clock),
      executor_(executor),
      commands_(2 * max_sessions + 16),
      foreign_(kForeignControls) {
  const std::size_t n = plan_.stages.size();
  reaches_.assign(n, std::vector<bool>(n, false));
  for (const graph::Stage& stage : plan_.stages)
    for (const std::uint32_t to : stage.downstream) reaches_[stage.index][to] = true;
  marker_edges_.assign(n, std::vector<std::uint32_t>(n, 0));
  for (const graph::Edge& edge : plan_.edges) {
    if (edge.feedback) continue;
    for (std::uint32_t origin = 0; origin < n; ++origin)
      if (edge.from == origin || reaches_[origin][edge.from]) ++marker_edges_[edge.to][origin];
  }
  for (std::size_t i = 0; i < n; ++i) {
    stats_.push_back(std::make_unique<metrics::NodeStats>());
    if (const auto& average = plan_.stages[i].declared_average)
      stats_.back()->declare_average(*average);
    batches_.push_back(plan_.stages[i].batching ? std::make_unique<BatchStage>(plan_.stages[i])
                                                : nullptr);
    watches_.push_back(plan_.stages[i].batching
                           ? std::make_unique<DeadlineWatch>(plan_.stages[i].give_up)
                           : nullptr);
    stage_times_.push_back(std::make_unique<metrics::Histogram>());
  }
  for (const std::uint32_t sink : plan_.sinks)
    for (const node::PortDecl& port : plan_.stages[sink].contract().inputs)
      audio_sink_ = audio_sink_ || port.kind == media::PacketKind::audio;
  sessions_.reserve(max_sessions);
  scratch_.resize(max_sessions * kMaxTake);
  gathered_.reserve(max_sessions);
  endings_.reserve(max_sessions);
  works_.reserve(max_sessions);
  contexts_.resize(max_sessions + 1);
}

Shard::~Shard() {
  for (SessionState* session : sessions_) forget(*session);
}

bool Shard::adopt(SessionState* session) noexcept {
  ShardCommand command{ShardCommand::What::adopt, session};
  if (!commands_.try_push(std::move(command))) return false;
  bell_->wake(Wake::command);
  return true;
}

bool Shard::release(SessionState* session) noexcept {
  session->shared->closed.store(true, std::memory_order_release);
  ShardCommand command{ShardCommand::What::release, session};
  if (!commands_.try_push(std::move(command))) return false;
  bell_->wake(Wake::command);
  return true;
}

bool Shard::post_control(ForeignControl&& foreign) noexcept {
  media::Control& control = foreign.control;
  if (foreign.content == 0) foreign.content = content_of(control);  // once: it may be posted again
  if (control.body.size_bytes() > base::limits::kControlMetadataBytes) foreign.oversized = true;
  // Only custom messages carry a body further, and hints the name of a node: no flood of the others
  // can hold memory.
  const bool keeps = control.type == media::ControlType::custom ||
                     (control.type == media::ControlType::batch_hint &&
                      control.body.size_bytes() <= kLongestNodeName);
  if (foreign.oversized || !keeps) control.body.reset();
  const std::size_t bytes = control.body.size_bytes();
  const bool must = changes_ledger(control.type);
  const std::size_t before = foreign_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  const bool crowded = foreign_.size() >= foreign_.capacity() / 2 || before > kForeignBodyBytes;
  if ((crowded && !must) || !foreign_.try_push(std::move(foreign))) {
    foreign_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    return false;
  }
  bell_->wake(Wake::control);
  return true;
}

void Shard::take_commands() noexcept {
  ShardCommand command;
  while (commands_.try_pop(command)) {
    SessionState& session = *command.session;
    const bool adopt = command.what == ShardCommand::What::adopt;
    note({.what = adopt ? TapeEntry::What::adopt : TapeEntry::What::release,
          .session = static_cast<std::uint32_t>(session.number)});
    if (adopt) {
      MR_CHECK(sessions_.size() < sessions_.capacity(), "the engine admits only as many as fit");
      sessions_.push_back(&session);
      continue;
    }
    const auto found = std::find(sessions_.begin(), sessions_.end(), &session);
    if (found != sessions_.end()) sessions_.erase(found);
    forget(session);
    session.released.store(true, std::memory_order_release);
  }
}

void Shard::forget(SessionState& session) noexcept {
  session.shared->closed.store(true, std::memory_order_release);
  for (EdgeQueue& queue : session.queues) queue.close();
  forget_batched(session);
  for (Slot& slot : session.slots) {
    if (slot.lane != nullptr && !slot.lane->idle())
      abandoned_lanes_.fetch_add(1, std::memory_order_relaxed);
  }
}

void Shard::take_foreign_controls() noexcept {
  ForeignControl foreign;
  for (std::size_t i = 0; i < kControlsPerPass && take_foreign(foreign); ++i) {
    const auto found = std::find_if(sessions_.begin(), sessions_.end(), [&](const SessionState* s) {
      return s->number == foreign.session;
    });
    if (found != sessions_.end()) {
      apply_foreign(**found, foreign);
    } else {
      controls_unknown_.fetch_add(1, std::memory_order_relaxed);
    }
  }
  if (foreign_waits()) more_ = true;
}

void Shard::control_pass() noexcept {
  const rt::RtScope scope;
  begin_step(TapeEntry::What::control_pass);
  take_commands();  // the first message of a session must not come before the session
  take_foreign_controls();
}

bool Shard::sweep() noexcept {
  const rt::RtScope scope;
  begin_step(TapeEntry::What::sweep);
  more_ = false;
  sweeps_.fetch_add(1, std::memory_order_relaxed);
  take_commands();
  take_foreign_controls();
  for (const graph::Stage& stage : plan_.stages) {
    // A cancel that arrives during a long stage acts on the stages still to come.
    control_point_ = static_cast<std::uint16_t>(stage.index + 1);
    if (foreign_waits()) take_foreign_controls();
    bool more = false;
    const Instant began = clock_.now();
    if (stage.contract().role == node::Role::sink) {
      more = sweep_sink(stage);
    } else if (stage.placement == node::Placement::pool) {
      more = sweep_pool(stage);
    } else {
      more = sweep_inline(stage);
    }
    more_ = more_ || more;
    stage_times_[stage.index]->record(static_cast<std::uint64_t>((clock_.now() - began).count()));
  }
  sweep_times_.record(static_cast<std::uint64_t>((clock_.now() - now_).count()));
  next_timer_ = Instant{base::Duration::max()};
  for (const auto& batch : batches_)
    if (batch) next_timer_ = std::min(next_timer_, batch->wake_at());
  for (const auto& watch : watches_)
    if (watch) next_timer_ = std::min(next_timer_, watch->wake_at());
  for (SessionState* session : sessions_) end_sweep(*session);
  return more_;
}

void Shard::end_sweep(SessionState& session) noexcept {
  session.gate_stuck = false;
  forget_controls(session);
  for (const graph::Stage& stage : plan_.stages) {
    Slot& slot = session.slots[stage.index];
    // Who waits for room is woken by made_room(), not by time.
    if (!slot.timer_waits) next_timer_ = std::min(next_timer_, slot.timer);
    if (slot.lane != nullptr && slot.lane->idle())
      next_timer_ = std::min(next_timer_, slot.lane->timer());
  }
  for (std::size_t i = 0; i < plan_.edges.size(); ++i) {
    const EdgeCounters& counters = session.queues[i].counters();
    auto& reported = session.reported_drops[i];
    if (const std::uint64_t fresh = counters.merged - session.reported_merged[i]; fresh > 0) {
      session.reported_merged[i] = counters.merged;
      stats_[plan_.edges[i].to]->add_merged(fresh);
    }
    for (std::size_t reason = 0; reason < base::kDropReasons; ++reason) {
      const std::uint64_t fresh = counters.dropped[reason] - reported[reason];
      if (fresh == 0) continue;
      reported[reason] = counters.dropped[reason];
      made_room(i);
      stats_[plan_.edges[i].to]->add_dropped(static_cast<base::DropReason>(reason), fresh);
      Event event;
      event.type = EventType::dropped;
      event.stage = static_cast<std::uint16_t>(plan_.edges[i].to);
      event.drop_reason = static_cast<base::DropReason>(reason);
      event.count = fresh;
      log(session, std::move(event));
    }
  }
}

// A message that came in the middle of the sweep has not been at the stages before: it stays for
// the next one.
void Shard::forget_controls(SessionState& session) noexcept {
  std::uint32_t seen = static_cast<std::uint32_t>(session.controls.size());
  for (const Slot& slot : session.slots) seen = std::min(seen, slot.controls_seen);
  if (seen < session.controls.size()) more_ = true;
  session.controls.erase(session.controls.begin(), session.controls.begin() + seen);
  session.control_origins.erase(session.control_origins.begin(),
                                session.control_origins.begin() + seen);
  for (Slot& slot : session.slots) slot.controls_seen -= seen;
}

void Shard::log(SessionState& session, Event event) noexcept {
  event.at_media = session.audio_arrived;
  event.wall = now_;
  event.logged = clock_.now();
  keep_event_room(session);
  if (!session.events.try_push(std::move(event))) ++session.events_lost;
}

bool Shard::reaches(std::uint32_t from, std::uint32_t to) const noexcept {
  return reaches_[from][to];
}

bool Shard::concerns(media::ControlType type, std::uint32_t origin,
                     std::uint32_t stage) const noexcept {
  // Who comes before a node that is late can still do something about it.
  const bool both_ways =
      type == media::ControlType::deadline_warning || type == media::ControlType::batch_hint;
  return reaches(origin, stage) || (both_ways && reaches(stage, origin));
}

Shard::Stats Shard::counters() const noexcept {
  Stats stats;
  stats.sweeps = sweeps_.load(std::memory_order_relaxed);
  stats.inputs = inputs_.load(std::memory_order_relaxed);
  stats.batch_calls = batch_calls_.load(std::memory_order_relaxed);
  stats.batch_works = batch_works_.load(std::memory_order_relaxed);
  stats.late = late_.load(std::memory_order_relaxed);
  stats.decisions = decisions_.count();
  stats.abandoned_lanes = abandoned_lanes_.load(std::memory_order_relaxed);
  stats.controls_unknown = controls_unknown_.load(std::memory_order_relaxed);
  stats.controls_refused = controls_refused_.load(std::memory_order_relaxed);
  return stats;
}

}  // namespace millrace::engine
