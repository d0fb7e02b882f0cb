#include "apps/millrace/bench/speculation_load.hpp"

#include <algorithm>
#include <memory>
#include <queue>
#include <utility>
#include <vector>

#include "apps/millrace/bench/null_control.hpp"
#include "apps/millrace/registry.hpp"
#include "apps/millrace/run_options.hpp"
#include "millrace/base/rng.hpp"
#include "millrace/engine/engine.hpp"
#include "millrace/manifest/load.hpp"
#include "millrace/rt/doorbell.hpp"

namespace millrace::app {
namespace {

using base::Duration;
using base::Instant;
using base::MediaTime;
using engine::EventType;

constexpr MediaTime kFrame{20'000};
constexpr std::uint32_t kFrameFrames = SpeechLoop::kRateHz / 50;
constexpr std::int64_t kWarmUpBlocks = 100;
constexpr std::int64_t kStretchBlocks = 250;
constexpr Duration kControlTime = std::chrono::milliseconds(500);

constexpr const char* kManifest = R"(version: v1
metadata: {name: bench-speculation-load}
nodes:
  - {id: mic, type: audio_input, params: {rate_hz: 48000}}
  - {id: resample, type: audio_resample, params: {rate_hz: 16000, quality: low}}
  - {id: vad, type: silero_vad}
  - {id: gate, type: speculative_vad_gate, params: {eager: false}}
  - {id: held, type: audio_output}
  - id: heard
    type: audio_output
    release: speculative
    params: {pace: true, cushion_ms: 40}
edges:
  - {from: mic, to: resample}
  - {from: resample, to: vad}
  - {from: resample, to: gate.audio}
  - {from: vad, to: gate.vad}
  - {from: gate.speculative_audio, to: held}
  - {from: gate.speculative_audio, to: heard}
)";

std::uint64_t ns(Duration span) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(span.count(), 0));
}

base::Result<std::shared_ptr<const graph::Plan>> load_plan_for(std::int64_t sessions) {
  auto spec = manifest::load_text(kManifest, "bench speculation", manifest::process_environment());
  if (!spec) return std::unexpected(std::move(spec.error().front()));
  spec->executor.max_sessions = std::max(spec->executor.max_sessions, sessions);
  spec->executor.admission.enabled = false;  // overload is what some runs are to show
  auto plan = graph::build_plan(*spec, registry());
  if (!plan) return std::unexpected(std::move(plan.error().front()));
  return std::shared_ptr<const graph::Plan>(std::move(*plan));
}

class LoadRun {
 public:
  LoadRun(const SpeechLoop& speech, std::int64_t sessions, PhasePattern pattern)
      : speech_(speech), rng_(4) {
    counts_.pattern = pattern;
    counts_.sessions = sessions;
  }

  base::Result<CancelCounts> run(std::shared_ptr<const graph::Plan> plan, double seconds,
                                 const std::function<void(double)>& progress);

 private:
  struct Fed {
    std::unique_ptr<engine::SessionHandle> handle;
    std::unique_ptr<SilenceWatch> watch;
    Duration phase{0};
    std::uint64_t heard_from = 0;
    std::int64_t blocks = 0;
  };
  /// A message that a client will send.
  struct Planned {
    Instant due;
    std::size_t session = 0;
    media::ControlType type = media::ControlType::interrupt;
    base::SegmentId segment;
    friend bool operator<(const Planned& a, const Planned& b) { return b.due < a.due; }
  };

  base::Result<void> open(std::shared_ptr<const graph::Plan> plan);
  void stretch(std::int64_t blocks, const std::function<void(double)>& progress);
  void push(Fed& fed, Instant due);
  void drain(std::size_t index);
  void plan_control(std::size_t session, base::SegmentId segment);
  void send_until(Instant until);
  void sleep_until(Instant at) {
    while (engine_->clock().now() < at) bell_.wait_until(clock_start_ + at.since_start);
  }
  void take_times();

  const SpeechLoop& speech_;
  base::Rng rng_;
  CancelCounts counts_;
  std::unique_ptr<SilenceWatch::Counts> watched_ = std::make_unique<SilenceWatch::Counts>();
  std::uint32_t source_ = 0;
  bool measuring_ = false;
  std::int64_t done_blocks_ = 0;
  std::unique_ptr<engine::Engine> engine_;
  std::vector<Fed> sessions_;
  std::priority_queue<Planned> planned_;
  std::chrono::steady_clock::time_point clock_start_;
  rt::Doorbell bell_;
};

base::Result<void> LoadRun::open(std::shared_ptr<const graph::Plan> plan) {
  source_ = *input_stage(*plan);
  const std::uint32_t held = plan->find("held")->index;
  counts_.tick = std::chrono::microseconds(plan->executor.tick_us);
  auto engine = engine::Engine::start(std::move(plan));
  if (!engine) return std::unexpected(std::move(engine.error()));
  engine_ = std::move(*engine);
  clock_start_ = std::chrono::steady_clock::now() - engine_->clock().now().since_start;
  const auto n = static_cast<std::size_t>(counts_.sessions);
  for (std::size_t i = 0; i < n; ++i) {
    auto handle = engine_->open("s" + std::to_string(i + 1));
    if (!handle) return std::unexpected(std::move(handle.error()));
    Duration phase{0};
    if (counts_.pattern == PhasePattern::spread)
      phase = Duration{kFrame} * static_cast<std::int64_t>(i) / static_cast<std::int64_t>(n);
    sessions_.push_back({.handle = std::move(*handle),
                         .watch = std::make_unique<SilenceWatch>(held, *watched_),
                         .phase = phase,
                         .heard_from = speech_.frames() * i / n});
  }
  return {};
}

base::Result<CancelCounts> LoadRun::run(std::shared_ptr<const graph::Plan> plan, double seconds,
                                        const std::function<void(double)>& progress) {
  if (auto opened = open(std::move(plan)); !opened)
    return std::unexpected(std::move(opened.error()));
  metrics::Histogram null;
  stretch(kWarmUpBlocks, progress);
  std::int64_t left = std::max<std::int64_t>(50, static_cast<std::int64_t>(seconds * 50.0));
  measuring_ = true;
  while (left > 0) {
    if (auto done = run_null_control(kControlTime, null); !done)
      return std::unexpected(std::move(done.error()));
    const std::int64_t blocks = std::min(left, kStretchBlocks);
    stretch(blocks, progress);
    left -= blocks;
  }
  if (auto done = run_null_control(kControlTime, null); !done)
    return std::unexpected(std::move(done.error()));
  for (std::size_t i = 0; i < sessions_.size(); ++i) {
    sessions_[i].handle->close();
    drain(i);
    counts_.refused += sessions_[i].handle->refused();
    counts_.events_lost += sessions_[i].handle->events_lost();
  }
  take_times();
  sessions_.clear();
  counts_.null = null.distribution();
  counts_.silence = watched_->silence.distribution();
  counts_.asked = watched_->asked.distribution();
  counts_.release = watched_->release.distribution();
  counts_.cancels = watched_->cancels;
  counts_.interrupts = watched_->interrupts;
  counts_.not_applied = watched_->not_applied;
  counts_.packets = watched_->packets;
  counts_.stale = watched_->stale;
  counts_.flushed = watched_->flushed;
  counts_.unmatched = watched_->unmatched;
  return std::move(counts_);
}

void LoadRun::take_times() {
  const engine::Shard& shard = engine_->shard(0);
  counts_.sweep = shard.sweep_times().distribution();
  for (const graph::Stage& stage : engine_->plan().stages) {
    metrics::Distribution took = shard.stage_times(stage.index).distribution();
    // By the longest time, not by a quantile: most sweeps find nothing to do.
    if (took.max() < counts_.stage.max()) continue;
    counts_.stage = took;
    counts_.longest_stage = stage.id;
  }
}

void LoadRun::stretch(std::int64_t blocks, const std::function<void(double)>& progress) {
  const Instant begin = engine_->clock().now() + std::chrono::milliseconds(5);
  for (std::int64_t k = 0; k < blocks; ++k) {
    if (measuring_ && done_blocks_++ % 50 == 0) progress(static_cast<double>(done_blocks_) / 50.0);
    for (std::size_t i = 0; i < sessions_.size(); ++i) {
      push(sessions_[i], begin + Duration{kFrame} * k + sessions_[i].phase);
      drain(i);
    }
  }
  // What was planned is sent while the load is on, or not at all.
  planned_ = {};
  sleep_until(begin + Duration{kFrame} * blocks);
  for (std::size_t i = 0; i < sessions_.size(); ++i) drain(i);
}

void LoadRun::push(Fed& fed, Instant due) {
  media::Packet packet;
  packet.rate_hz = SpeechLoop::kRateHz;
  packet.frames = kFrameFrames;
  packet.from = kFrame * fed.blocks;
  packet.to = kFrame * (fed.blocks + 1);
  packet.due = due;
  packet.payload = fed.handle->payloads().acquire(kFrameFrames * sizeof(float));
  const auto at = static_cast<std::uint64_t>(fed.blocks) * kFrameFrames + fed.heard_from;
  ++fed.blocks;
  if (packet.payload) speech_.copy(at, packet.payload.writable_as<float>());
  send_until(due);
  sleep_until(due);
  if (packet.payload) (void)fed.handle->push(source_, std::move(packet));
}

void LoadRun::drain(std::size_t index) {
  Fed& fed = sessions_[index];
  engine::Event event;
  while (fed.handle->next_event(event)) {
    fed.watch->event(event);
    if (!measuring_) continue;
    if (event.type == EventType::speculation_started) plan_control(index, event.segment);
    if (event.type == EventType::speech_started) plan_control(index, {});
  }
  engine::OutputPacket output;
  while (fed.handle->next_output(output)) fed.watch->output(output);
}

/// Half of the segments are cancelled while they are a guess; the turns of the others, and speech
/// that was confirmed, are interrupted.
void LoadRun::plan_control(std::size_t session, base::SegmentId segment) {
  const bool cancel = segment && rng_.below(2) == 0;
  const std::uint64_t after_us =
      cancel ? 5'000 + rng_.below(200'000) : 50'000 + rng_.below(900'000);
  planned_.push(
      {.due = engine_->clock().now() + std::chrono::microseconds(after_us),
       .session = session,
       .type = cancel ? media::ControlType::cancel_speculation : media::ControlType::interrupt,
       .segment = cancel ? segment : base::SegmentId{}});
}

void LoadRun::send_until(Instant until) {
  while (!planned_.empty() && planned_.top().due < until) {
    const Planned next = planned_.top();
    planned_.pop();
    sleep_until(next.due);
    media::Control control;
    control.type = next.type;
    control.segment = next.segment;
    (void)sessions_[next.session].handle->control(std::move(control));
  }
}

}  // namespace

// SilenceWatch
// --------------------------------------------------------------------------------------

void SilenceWatch::event(const engine::Event& event) {
  switch (event.type) {
    case EventType::speculation_confirmed: confirmed_[event.segment.number] = event.logged; return;
    case EventType::speculation_cancelled:
      dead_segments_[event.segment.number] = event.logged;
      if (event.cancel_reason == media::CancelReason::client) withdrawn_at_ = event.logged;
      return;
    case EventType::interrupt:
      dead_turn_ = std::max(dead_turn_, event.lineage.turn.number);
      dead_turn_at_ = event.logged;
      withdrawn_at_ = event.logged;
      return;
    case EventType::withheld: ++counts_->flushed; return;
    case EventType::control: return take_control(event);
    case EventType::output: return take_output(event);
    default: return;
  }
}

void SilenceWatch::take_control(const engine::Event& event) {
  if (event.status != engine::ControlStatus::applied || !withdrawn_at_) {
    ++counts_->not_applied;
    return;
  }
  counts_->silence.record(ns(event.logged - *withdrawn_at_));
  counts_->asked.record(ns(event.logged - event.sent));
  if (event.control_type == media::ControlType::interrupt) {
    ++counts_->interrupts;
  } else {
    ++counts_->cancels;
  }
  withdrawn_at_.reset();
}

void SilenceWatch::take_output(const engine::Event& event) {
  std::optional<Instant> withdrawn;
  Left left{.lineage = event.lineage, .confirmed = {}, .logged = event.logged};
  for (const base::SegmentId segment : event.lineage.segments) {
    const auto dead = dead_segments_.find(segment.number);
    if (dead != dead_segments_.end()) withdrawn = dead->second;
    const auto confirmed = confirmed_.find(segment.number);
    if (event.stage != held_sink_ || confirmed == confirmed_.end()) continue;
    left.confirmed = confirmed->second;
    confirmed_.erase(confirmed);
  }
  if (event.lineage.turn && event.lineage.turn.number <= dead_turn_) withdrawn = dead_turn_at_;
  if (withdrawn) counts_->silence.record(ns(event.logged - *withdrawn));
  left.stale = withdrawn.has_value();
  left_.push_back(left);
  match();
}

void SilenceWatch::output(const engine::OutputPacket& output) {
  taken_.push_back({output.packet.lineage, output.packet.enqueued});
  match();
}

/// The sinks tell of each packet in the order in which the host gets them.
void SilenceWatch::match() {
  while (!left_.empty() && !taken_.empty()) {
    const Left& left = left_.front();
    ++counts_->packets;
    if (left.stale) ++counts_->stale;
    if (!(left.lineage == taken_.front().lineage)) ++counts_->unmatched;
    if (left.confirmed && taken_.front().enqueued <= *left.confirmed)
      counts_->release.record(ns(left.logged - *left.confirmed));
    left_.pop_front();
    taken_.pop_front();
  }
}

base::Result<CancelCounts> measure_cancels(const SpeechLoop& speech, std::int64_t sessions,
                                           double seconds, PhasePattern pattern,
                                           const std::function<void(double)>& progress) {
  auto plan = load_plan_for(sessions);
  if (!plan) return std::unexpected(std::move(plan.error()));
  return LoadRun(speech, sessions, pattern).run(std::move(*plan), seconds, progress);
}

}  // namespace millrace::app
