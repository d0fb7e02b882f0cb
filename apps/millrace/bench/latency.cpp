#include "apps/millrace/bench/latency.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "apps/millrace/bench/null_control.hpp"
#include "apps/millrace/registry.hpp"
#include "apps/millrace/run_options.hpp"
#include "millrace/engine/engine.hpp"
#include "millrace/manifest/load.hpp"
#include "millrace/metrics/histogram.hpp"
#include "millrace/metrics/log_linear.hpp"
#include "millrace/rt/doorbell.hpp"
#include "millrace/rt/guard.hpp"
#include "millrace/rt/platform/process.hpp"

namespace millrace::app {
namespace {

using base::Duration;
using base::Instant;
using base::MediaTime;

constexpr MediaTime kFrame{20'000};
constexpr std::uint32_t kFrameFrames = SpeechLoop::kRateHz / 50;
// 8 blocks of 20 ms are 5 windows of 32 ms: stretches of such multiples hold the same number of
// windows whatever the delay of the filter in front of the VAD.
constexpr std::int64_t kBlocksPerStep = 8;
constexpr std::int64_t kWindowsPerStep = 5;
constexpr std::int64_t kStretchBlocks = 256;
constexpr std::int64_t kWarmUpBlocks = 104;
constexpr Duration kControlTime = std::chrono::seconds(1);
constexpr Duration kQuiet = std::chrono::milliseconds(250);
constexpr Duration kQuietWhenLost = std::chrono::seconds(2);
// A reply that is being recognised or spoken gives no sign for longer.
constexpr Duration kQuietWithPool = std::chrono::seconds(3);
constexpr Duration kQuietAtMost = std::chrono::seconds(20);

constexpr const char* kBuiltIn = R"(version: v1
metadata: {name: bench-latency}
nodes:
  - {id: mic, type: audio_input, params: {rate_hz: 48000}}
  - {id: resample, type: audio_resample, params: {rate_hz: 16000, quality: low}}
  - {id: vad, type: silero_vad}
  - {id: gate, type: speculative_vad_gate}
  - {id: speaker, type: audio_output}
edges:
  - {from: mic, to: resample}
  - {from: resample, to: vad}
  - {from: resample, to: gate.audio}
  - {from: vad, to: gate.vad}
  - {from: gate.speculative_audio, to: speaker}
)";

bool has_pool(const graph::Plan& plan) {
  return std::any_of(plan.stages.begin(), plan.stages.end(), [](const graph::Stage& stage) {
    return stage.placement == node::Placement::pool;
  });
}

/// Whether what leaves answers what came in; without words it is the speech itself that leaves.
bool answers(const graph::Plan& plan) {
  return std::any_of(plan.stages.begin(), plan.stages.end(), [](const graph::Stage& stage) {
    const auto& outputs = stage.contract().outputs;
    return std::any_of(outputs.begin(), outputs.end(), [](const node::PortDecl& port) {
      return port.kind == media::PacketKind::text;
    });
  });
}

base::Result<void> check(const graph::Plan& plan) {
  const auto source = input_stage(plan);
  if (!source) return std::unexpected(source.error());
  if (takes_text(plan, *source))
    return base::fail(base::Code::bad_manifest,
                      "the benchmark's input is audio; expected an audio_input", plan.name);
  const auto wanted = plan.stages[*source].params.integer("rate_hz");
  bool fits = wanted == 0 || wanted == SpeechLoop::kRateHz;
  for (const graph::Edge& edge : plan.edges) {
    const std::int32_t rate = plan.stages[edge.to].contract().inputs[edge.to_port].rate_hz;
    fits = fits && (edge.from != *source || rate == 0 || rate == SpeechLoop::kRateHz);
  }
  if (!fits)
    return base::fail(base::Code::bad_manifest,
                      "the benchmark's input is 48 kHz, which this pipeline does not take; put an "
                      "audio_resample behind '" +
                          plan.stages[*source].id + "'",
                      plan.name);
  if (std::none_of(plan.stages.begin(), plan.stages.end(),
                   [](const graph::Stage& stage) { return stage.contract().speculates; }))
    return base::fail(base::Code::bad_manifest,
                      "the pipeline has no gate whose decisions could be timed; expected a "
                      "speculative_vad_gate or a vad_gate",
                      plan.name);
  return {};
}

/// One pattern's run: the engine, its sessions, and the loop that feeds and drains them.
class LatencyRun {
 public:
  LatencyRun(const SpeechLoop& speech, const LatencyOptions& options, PhasePattern pattern)
      : speech_(speech), options_(options) {
    counts_.pattern = pattern;
    counts_.sessions = options.sessions;
  }

  base::Result<LatencyCounts> run(std::shared_ptr<const graph::Plan> plan,
                                  const std::function<void(double)>& progress);

 private:
  struct Fed {
    std::unique_ptr<engine::SessionHandle> handle;
    Duration phase{0};
    std::uint64_t heard_from = 0;  ///< frame of the speech at which this session begins
    std::int64_t blocks = 0;
  };
  struct Snapshot {
    metrics::Distribution latency;
    engine::Engine::Totals totals;
    Instant at;
    Duration process_cpu{0};
    Duration generator_cpu{0};
    std::uint64_t allocations = 0;
  };

  base::Result<void> open(std::shared_ptr<const graph::Plan> plan);
  base::Result<void> control();
  std::uint64_t stretch(std::int64_t blocks, const std::function<void(double)>& progress);
  void measured(std::int64_t blocks, const std::function<void(double)>& progress);
  void push(Fed& fed, Instant due);
  void drain(Fed& fed);
  void settle(std::uint64_t decided);
  void take_turn(const engine::Event& event);
  [[nodiscard]] Snapshot snapshot() const;
  [[nodiscard]] std::uint64_t windows_in(std::int64_t blocks) const {
    return static_cast<std::uint64_t>(options_.sessions * blocks / kBlocksPerStep *
                                      kWindowsPerStep);
  }
  [[nodiscard]] std::uint64_t decisions() const { return engine_->totals().shards.decisions; }
  void sleep_until(Instant at) { bell_.wait_until(clock_start_ + at.since_start); }

  const SpeechLoop& speech_;
  const LatencyOptions& options_;
  LatencyCounts counts_;
  std::uint32_t source_ = 0;
  bool pool_ = false;
  bool answers_ = false;
  bool measuring_ = false;
  std::unique_ptr<engine::Engine> engine_;
  std::vector<Fed> sessions_;
  std::chrono::steady_clock::time_point clock_start_;
  rt::Doorbell bell_;
  std::uint64_t signs_ = 0;  ///< events and outputs seen: something still goes on
  std::uint64_t done_blocks_ = 0;
  metrics::Histogram null_;
  metrics::Histogram generator_late_;
  metrics::Histogram response_;
  metrics::Histogram acoustic_;
};

base::Result<void> LatencyRun::open(std::shared_ptr<const graph::Plan> plan) {
  auto engine = engine::Engine::start(std::move(plan));
  if (!engine) return std::unexpected(std::move(engine.error()));
  engine_ = std::move(*engine);
  clock_start_ = std::chrono::steady_clock::now() - engine_->clock().now().since_start;
  const auto n = static_cast<std::size_t>(options_.sessions);
  for (std::size_t i = 0; i < n; ++i) {
    auto handle = engine_->open("s" + std::to_string(i + 1));
    if (!handle) return std::unexpected(std::move(handle.error()));
    const Duration phase =
        counts_.pattern == PhasePattern::aligned
            ? Duration{0}
            : Duration{kFrame} * static_cast<std::int64_t>(i) / static_cast<std::int64_t>(n);
    // Callers do not say the same thing at the same time.
    sessions_.push_back(
        {.handle = std::move(*handle), .phase = phase, .heard_from = speech_.frames() * i / n});
  }
  return {};
}

base::Result<LatencyCounts> LatencyRun::run(std::shared_ptr<const graph::Plan> plan,
                                            const std::function<void(double)>& progress) {
  source_ = *input_stage(*plan);
  pool_ = has_pool(*plan);
  answers_ = answers(*plan);
  const std::uint64_t memory_before = rt::process_rss_bytes();
  if (auto opened = open(std::move(plan)); !opened)
    return std::unexpected(std::move(opened.error()));
  settle(stretch(kWarmUpBlocks, progress));
  const std::uint64_t memory = rt::process_rss_bytes();
  if (memory != 0 && memory > memory_before) counts_.memory_bytes = memory - memory_before;
  if (rt::allocations_watched()) counts_.allocations = 0;
  for (const std::int64_t blocks : stretches(options_.seconds, pool_)) {
    if (auto done = control(); !done) return std::unexpected(std::move(done.error()));
    measured(blocks, progress);
  }
  if (auto done = control(); !done) return std::unexpected(std::move(done.error()));
  for (Fed& fed : sessions_) {
    counts_.refused += fed.handle->refused();
    fed.handle->close();
  }
  sessions_.clear();
  counts_.null = null_.distribution();
  counts_.generator_late = generator_late_.distribution();
  counts_.response = response_.distribution();
  counts_.acoustic = acoustic_.distribution();
  return std::move(counts_);
}

base::Result<void> LatencyRun::control() {
  return run_null_control(kControlTime, null_);
}

LatencyRun::Snapshot LatencyRun::snapshot() const {
  Snapshot now{.latency = {},
               .totals = engine_->totals(),
               .at = engine_->clock().now(),
               .process_cpu = rt::process_cpu_time(),
               .generator_cpu = rt::thread_cpu_time(),
               .allocations = rt::rt_allocations()};
  for (std::size_t i = 0; i < engine_->shards(); ++i)
    engine_->shard(i).decision_latency().add_to(now.latency);
  return now;
}

void LatencyRun::measured(std::int64_t blocks, const std::function<void(double)>& progress) {
  const Snapshot before = snapshot();
  measuring_ = true;
  const std::uint64_t decided = stretch(blocks, progress);
  // What is still under way belongs to the latencies, the silence after it not to the costs.
  const Snapshot end = snapshot();
  settle(decided);
  measuring_ = false;
  const Snapshot after = snapshot();
  counts_.latency.merge(difference(after.latency, before.latency));
  counts_.windows_due += windows_in(blocks);
  counts_.windows_late += after.totals.shards.late - before.totals.shards.late;
  counts_.blocks += static_cast<std::uint64_t>(options_.sessions * blocks);
  counts_.wake_ups += end.totals.wake_ups - before.totals.wake_ups;
  if (counts_.allocations) *counts_.allocations += after.allocations - before.allocations;
  const Duration generator = end.generator_cpu - before.generator_cpu;
  counts_.wall += end.at - before.at;
  counts_.generator_cpu += generator;
  counts_.system_cpu += end.process_cpu - before.process_cpu - generator;
}

/// Feeds every session `blocks` blocks; answers how many decisions there are when all are decided.
std::uint64_t LatencyRun::stretch(std::int64_t blocks,
                                  const std::function<void(double)>& progress) {
  const std::uint64_t decided = decisions() + windows_in(blocks);
  const Instant begin = engine_->clock().now() + std::chrono::milliseconds(5);
  for (std::int64_t k = 0; k < blocks; ++k) {
    if (measuring_ && done_blocks_++ % 50 == 0) progress(static_cast<double>(done_blocks_) / 50.0);
    // Phases grow with the sessions and stay below one block: this is the order of time.
    for (Fed& fed : sessions_) {
      push(fed, begin + Duration{kFrame} * k + fed.phase);
      drain(fed);
    }
  }
  const Instant end = begin + Duration{kFrame} * blocks;
  while (engine_->clock().now() < end) sleep_until(end);
  return decided;
}

void LatencyRun::push(Fed& fed, Instant due) {
  media::Packet packet;
  packet.rate_hz = SpeechLoop::kRateHz;
  packet.frames = kFrameFrames;
  packet.from = kFrame * fed.blocks;
  packet.to = kFrame * (fed.blocks + 1);
  packet.due = due;
  packet.payload = fed.handle->payloads().acquire(kFrameFrames * sizeof(float));
  const auto at = static_cast<std::uint64_t>(fed.blocks) * kFrameFrames + fed.heard_from;
  ++fed.blocks;
  if (!packet.payload) {
    ++counts_.refused;
    return;
  }
  speech_.copy(at, packet.payload.writable_as<float>());
  while (engine_->clock().now() < due) sleep_until(due);
  const Duration late = engine_->clock().now() - due;
  if (measuring_) generator_late_.record(static_cast<std::uint64_t>(late.count()));
  (void)fed.handle->push(source_, std::move(packet));
}

void LatencyRun::drain(Fed& fed) {
  engine::Event event;
  while (fed.handle->next_event(event)) {
    ++signs_;
    if (measuring_ && answers_ && event.type == engine::EventType::turn) take_turn(event);
  }
  engine::OutputPacket output;
  while (fed.handle->next_output(output)) ++signs_;
}

void LatencyRun::take_turn(const engine::Event& event) {
  Duration waited{0};
  for (const metrics::PartTime& part : event.body.as<metrics::PartTime>())
    if (part.id.part == metrics::TurnPart::endpoint_wait) waited += part.spent;
  const auto record = [](metrics::Histogram& histogram, Duration value) {
    histogram.record(static_cast<std::uint64_t>(std::max<std::int64_t>(value.count(), 0)));
  };
  record(acoustic_, event.total);
  record(response_, event.total - waited);
}

/// Until every window is decided, or nothing happens any more. The first windows of a session wait
/// for what the filter in front of the VAD looks ahead, so one of each may stay open.
void LatencyRun::settle(std::uint64_t decided) {
  const Instant begin = engine_->clock().now();
  Instant last_sign = begin;
  std::uint64_t seen = 0;
  for (;;) {
    for (Fed& fed : sessions_) drain(fed);
    const Instant now = engine_->clock().now();
    const std::uint64_t have = decisions();
    if (have + signs_ != seen) last_sign = now;
    seen = have + signs_;
    Duration patience = have + sessions_.size() >= decided ? kQuiet : kQuietWhenLost;
    if (have >= decided) patience = Duration{0};
    if (pool_) patience = kQuietWithPool;
    if (now - last_sign >= patience || now - begin > kQuietAtMost) return;
    sleep_until(now + std::chrono::milliseconds(5));
  }
}

}  // namespace

std::string_view name(PhasePattern pattern) noexcept {
  return pattern == PhasePattern::spread ? "spread" : "aligned";
}

std::expected<std::shared_ptr<const graph::Plan>, std::vector<base::Error>> latency_plan(
    const std::string& pipeline, std::int64_t sessions) {
  auto spec = pipeline.empty()
                  ? manifest::load_text(kBuiltIn, "bench latency", manifest::process_environment())
                  : manifest::load_file(pipeline, manifest::process_environment());
  if (!spec) return std::unexpected(std::move(spec.error()));
  spec->executor.max_sessions = std::max(spec->executor.max_sessions, sessions);
  spec->executor.admission.enabled = false;  // overload is what some runs are to show
  auto plan = graph::build_plan(*spec, registry());
  if (!plan) return std::unexpected(std::move(plan.error()));
  if (auto fits = check(**plan); !fits)
    return std::unexpected(std::vector{std::move(fits.error())});
  return std::shared_ptr<const graph::Plan>(std::move(*plan));
}

std::vector<std::int64_t> stretches(double seconds, bool one) {
  const auto steps = std::max<std::int64_t>(
      1, std::llround(std::ceil(seconds * 50.0 / static_cast<double>(kBlocksPerStep))));
  constexpr std::int64_t kMost = kStretchBlocks / kBlocksPerStep;
  const std::int64_t count = one ? 1 : (steps + kMost - 1) / kMost;
  std::vector<std::int64_t> blocks;
  for (std::int64_t i = 0; i < count; ++i)
    blocks.push_back((steps * (i + 1) / count - steps * i / count) * kBlocksPerStep);
  return blocks;
}

metrics::Distribution difference(const metrics::Distribution& after,
                                 const metrics::Distribution& before) {
  namespace log_linear = metrics::log_linear;
  metrics::Distribution more;
  std::size_t last = 0;
  for (std::size_t b = 0; b < log_linear::kBuckets; ++b) {
    const std::uint64_t fresh = after.count_in(b) - before.count_in(b);
    if (fresh == 0) continue;
    more.add(b, fresh);
    last = b;
  }
  if (more.count() == 0) return more;
  // The largest value is known exactly when it is the largest of all; else its bucket is.
  const bool exact = log_linear::bucket_of(after.max()) == last;
  more.add_totals(after.sum() - before.sum(), exact ? after.max() : log_linear::highest(last));
  return more;
}

base::Result<LatencyCounts> measure_latency(std::shared_ptr<const graph::Plan> plan,
                                            const SpeechLoop& speech, const LatencyOptions& options,
                                            PhasePattern pattern,
                                            const std::function<void(double)>& progress) {
  return LatencyRun(speech, options, pattern).run(std::move(plan), progress);
}

}  // namespace millrace::app
