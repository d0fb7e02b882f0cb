#include "apps/millrace/bench/batching_load.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "apps/millrace/bench/speculation_stats.hpp"
#include "apps/millrace/registry.hpp"
#include "apps/millrace/run_options.hpp"
#include "millrace/base/rng.hpp"
#include "millrace/manifest/load.hpp"
#include "millrace/rt/platform/process.hpp"

namespace millrace::app {
namespace {

using base::Duration;
using base::Instant;
using std::chrono::milliseconds;

constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr std::int32_t kRateHz = 16'000;
// 16 KiB of samples: a class of blocks that sessions bring along.
constexpr std::size_t kPieceFrames = 4'096;
constexpr std::size_t kMaxSessions = 512;
constexpr std::size_t kReady = 8;
// So many wait to be closed before that comes first: a host that is full gets room again.
constexpr std::size_t kMostDone = 64;
constexpr Duration kPoll = std::chrono::microseconds(500);
// Opening or closing a session takes less; it is not begun when a request is due sooner.
constexpr Duration kSpareTime = milliseconds(3);
constexpr Duration kPatience = std::chrono::seconds(60);
// A step through the prompts that shares no factor with their number, so that neighbours in a
// batch are not neighbours in the list.
constexpr std::size_t kStride = 7;

std::string manifest_text(bool batched) {
  std::string text = R"(version: v1
metadata: {name: bench-batching}
executor: {shards: 1, pool_threads: 1, admission: {enabled: false}}
nodes:
  - {id: mic, type: audio_input, params: {rate_hz: 16000}}
  - {id: asr, type: moonshine_asr, placement: pool@CAN@}
  - {id: words, type: text_output}
edges:
  - {from: mic, to: asr}
  - {from: asr, to: words}
)";
  const std::string mark = "@CAN@";
  text.replace(text.find(mark), mark.size(), batched ? "" : ", capabilities: {batch_aware: false}");
  return text;
}

// shared: with that engine
base::Result<std::shared_ptr<const graph::Plan>> plan_for(bool batched) {
  auto spec = manifest::load_text(manifest_text(batched), "bench batching",
                                  manifest::process_environment());
  if (!spec) return std::unexpected(std::move(spec.error().front()));
  spec->executor.max_sessions = kMaxSessions;
  auto plan = graph::build_plan(*spec, registry());
  if (!plan) return std::unexpected(std::move(plan.error().front()));
  return std::shared_ptr<const graph::Plan>(std::move(*plan));
}

double ms(Duration span) {
  return std::chrono::duration<double, std::milli>(span).count();
}

/// What opens, pushes and polls is no part of the system.
Duration cpu_used() {
  return rt::process_cpu_time() - rt::thread_cpu_time();
}

Duration from_seconds(double value) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(value));
}

}  // namespace

std::vector<Duration> poisson_schedule(double per_second, double seconds, std::uint64_t seed) {
  std::vector<Duration> at;
  if (per_second <= 0.0) return at;
  base::Rng rng(seed);
  for (double when = 0.0;;) {
    when += -std::log(1.0 - rng.unit()) / per_second;
    if (when >= seconds) return at;
    at.push_back(from_seconds(when));
  }
}

bool RateSearch::came_to(double p95_ms) {
  const double tried = rate();
  found_.tried.push_back({tried, p95_ms});
  const bool kept = p95_ms < bound_ms_;
  if (kept) found_.best = found_.tried.back();
  (kept ? low_ : high_) = tried;
  return kept;
}

std::optional<double> done_per_second(std::vector<double> done, double from, double to) {
  std::sort(done.begin(), done.end());
  const auto after = [&](double when) { return std::upper_bound(done.begin(), done.end(), when); };
  const auto first = after(from);
  const auto last = after(to);
  if (first == done.begin() || first == last) return std::nullopt;
  const double span = *(last - 1) - *(first - 1);
  return span > 0.0 ? std::optional(static_cast<double>(last - first) / span) : std::nullopt;
}

double LoadRecord::p(double q) const {
  return quantile(latency_ms, q).value_or(kNever);
}

double LoadRecord::mean_batch() const noexcept {
  return calls > 0.0 ? static_cast<double>(done_s.size()) / calls : 0.0;
}

double LoadRecord::cpu_ms_each() const noexcept {
  return done_s.empty() ? 0.0 : cpu_ms / static_cast<double>(done_s.size());
}

// EngineUnderLoad
// --------------------------------------------------------------------------------------

base::Result<EngineUnderLoad> EngineUnderLoad::start(bool batched,
                                                     std::span<const DigitPrompt> prompts) {
  auto plan = plan_for(batched);
  if (!plan) return std::unexpected(std::move(plan.error()));
  EngineUnderLoad load;
  load.prompts_ = prompts;
  load.source_ = *input_stage(**plan);
  auto engine = engine::Engine::start(std::move(*plan));
  if (!engine) return std::unexpected(std::move(engine.error()));
  load.engine_ = std::move(*engine);
  load.clock_start_ = std::chrono::steady_clock::now() - load.now().since_start;
  return load;
}

base::Result<void> EngineUnderLoad::open_one() {
  const Instant begin = now();
  auto handle = engine_->open("r");
  if (!handle) return std::unexpected(std::move(handle.error()));
  record_.opened_us.push_back(ms(now() - begin) * 1e3);
  ready_.push_back(std::move(*handle));
  return {};
}

void EngineUnderLoad::begin() {
  record_ = {};
  begin_ = now();
  cpu_before_ = cpu_used();
}

base::Result<void> EngineUnderLoad::ask(Instant planned) {
  if (ready_.empty())
    if (auto opened = open_one(); !opened) return opened;
  Request request{.handle = std::move(ready_.front()),
                  .number = record_.latency_ms.size(),
                  .planned = planned,
                  .words_left = {}};
  ready_.pop_front();
  record_.latency_ms.push_back(kNever);
  record_.started_late_ms.push_back(ms(now() - planned));
  const std::span<const float> samples =
      prompts_[request.number * kStride % prompts_.size()].samples;
  for (std::size_t at = 0; at < samples.size(); at += kPieceFrames) {
    const auto piece = samples.subspan(at, std::min(kPieceFrames, samples.size() - at));
    media::Packet packet;
    packet.rate_hz = kRateHz;
    packet.frames = static_cast<std::uint32_t>(piece.size());
    packet.from = base::media_time(static_cast<std::int64_t>(at), kRateHz);
    packet.to = base::media_time(static_cast<std::int64_t>(at + piece.size()), kRateHz);
    packet.due = planned;
    packet.payload = request.handle->payloads().acquire(piece.size_bytes());
    if (!packet.payload)
      return base::fail(base::Code::unavailable, "no memory for a prompt", "bench batching");
    std::copy(piece.begin(), piece.end(), packet.payload.writable_as<float>().begin());
    if (!request.handle->push(source_, std::move(packet)))
      return base::fail(base::Code::internal, "a fresh session took no audio", "bench batching");
  }
  if (!request.handle->end_input(source_))
    return base::fail(base::Code::internal, "a fresh session took no end", "bench batching");
  under_way_.push_back(std::move(request));
  return {};
}

void EngineUnderLoad::collect() {
  for (Request& request : under_way_) {
    const bool over = request.handle->ended();  // asked first: then every event is there
    engine::Event event;
    while (request.handle->next_event(event)) {
      if (event.type == engine::EventType::output) request.words_left = event.logged;
      if (event.type == engine::EventType::batch) request.together = event.count;
      if (event.type == engine::EventType::failed) ++record_.failures;
    }
    engine::OutputPacket output;
    while (request.handle->next_output(output)) {
    }
    if (over) finish(request);
  }
  std::erase_if(under_way_, [](const Request& request) { return request.handle == nullptr; });
}

void EngineUnderLoad::finish(Request& request) {
  if (!request.words_left) ++record_.wordless;
  const Instant at = request.words_left.value_or(now());
  record_.latency_ms[request.number] = ms(at - request.planned);
  record_.done_s.push_back(ms(at - begin_) / 1e3);
  record_.calls += 1.0 / static_cast<double>(std::max<std::uint64_t>(request.together, 1));
  done_.push_back(std::move(request.handle));
}

/// Closes and opens sessions while nothing is due, or sleeps a moment.
base::Result<void> EngineUnderLoad::rest(Instant until) {
  if (until - now() > kSpareTime || done_.size() > kMostDone) {
    if (!done_.empty()) {
      done_.pop_front();
      return {};
    }
    if (ready_.size() < kReady) return open_one();
  }
  const Instant wake = std::min(until, now() + kPoll);
  bell_->wait_until(clock_start_ + wake.since_start);
  return {};
}

LoadRecord EngineUnderLoad::end() {
  under_way_.clear();
  done_.clear();
  record_.cpu_ms = ms(cpu_used() - cpu_before_);
  return std::move(record_);
}

base::Result<LoadRecord> EngineUnderLoad::open_loop(std::span<const Duration> planned) {
  begin();
  while (ready_.size() < kReady)
    if (auto opened = open_one(); !opened) return std::unexpected(std::move(opened.error()));
  begin_ = now() + milliseconds(10);
  const Instant patience = begin_ + (planned.empty() ? Duration{} : planned.back()) + kPatience;
  for (std::size_t next = 0; now() < patience && (next < planned.size() || !under_way_.empty());) {
    // A host that is full answers later: the wait counts, as for anybody at its door.
    while (next < planned.size() && begin_ + planned[next] <= now() &&
           (!ready_.empty() || engine_->open_sessions() < kMaxSessions)) {
      if (auto asked = ask(begin_ + planned[next]); !asked)
        return std::unexpected(std::move(asked.error()));
      ++next;
    }
    collect();
    const Instant due = next < planned.size() ? begin_ + planned[next] : now() + 2 * kSpareTime;
    if (auto rested = rest(due); !rested) return std::unexpected(std::move(rested.error()));
  }
  record_.latency_ms.resize(planned.size(), kNever);
  return end();
}

base::Result<LoadRecord> EngineUnderLoad::closed_loop(std::size_t under_way, double seconds) {
  begin();
  const Instant stop = begin_ + from_seconds(seconds);
  const Instant patience = stop + kPatience;
  while (now() < patience && (now() < stop || !under_way_.empty())) {
    while (now() < stop && under_way_.size() < under_way)
      if (auto asked = ask(now()); !asked) return std::unexpected(std::move(asked.error()));
    collect();
    const bool full = under_way_.size() == under_way;
    if (auto rested = rest(full || now() >= stop ? now() + 2 * kSpareTime : now()); !rested)
      return std::unexpected(std::move(rested.error()));
  }
  return end();
}

}  // namespace millrace::app
