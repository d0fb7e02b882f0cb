#include <fmt/core.h>

#include <algorithm>
#include <queue>
#include <utility>

#include "apps/millrace/block_feed.hpp"
#include "apps/millrace/report.hpp"
#include "apps/millrace/run.hpp"
#include "apps/millrace/session_output.hpp"
#include "millrace/engine/engine.hpp"
#include "millrace/rt/doorbell.hpp"
#include "millrace/rt/guard.hpp"
#include "millrace/rt/platform/process.hpp"
#include "millrace/rt/thread.hpp"
#include "millrace/session/event_json.hpp"

namespace millrace::app {

namespace {

using base::Duration;
using base::Instant;

// A session that gives nothing at all for so long after its input ended is stuck in a node.
constexpr Duration kPatience = std::chrono::seconds(60);
// The last marker of an input is tried again after so long when the door is full.
constexpr Duration kEndRetry = std::chrono::milliseconds(5);
// Events of several sessions are put in order over this much time.
constexpr std::int64_t kReorderUs = 250'000;
// What a recording may lack when the program is killed.
constexpr Duration kRecordEvery = std::chrono::milliseconds(100);

struct Live {
  std::unique_ptr<engine::SessionHandle> handle;
  std::string input;
  BlockFeed blocks;
  SessionOutput output;
  std::optional<media::Packet> next;
  Instant phase{};                   ///< when media time 0 is due
  std::optional<Instant> end_since;  ///< the end of the input waits at the door from then on
  bool input_ended = false;
  bool done = false;
};

/// Pushes every session's blocks when they are due, whatever the engine does (open loop).
class Feeder {
 public:
  Feeder(std::vector<std::unique_ptr<Live>>& sessions, const base::Clock& clock,
         std::uint32_t stage, Recorder* recorder)
      : sessions_(sessions), clock_(clock), stage_(stage), recorder_(recorder) {}

  void run() {
    using Entry = std::pair<Instant, std::size_t>;
    std::priority_queue<Entry, std::vector<Entry>, std::greater<>> due;
    for (std::size_t i = 0; i < sessions_.size(); ++i) {
      Live& live = *sessions_[i];
      live.next = live.blocks.next(live.handle->payloads());
      due.emplace(live.next ? live.phase + Duration{live.next->to} : live.phase, i);
    }
    const auto start = std::chrono::steady_clock::now() - clock_.now().since_start;
    while (!due.empty()) {
      const auto [at, index] = due.top();
      if (!stopping_.load(std::memory_order_acquire) && clock_.now() < at) {
        bell_.wait_until(start + at.since_start);
        continue;
      }
      due.pop();
      Live& live = *sessions_[index];
      if (!live.next || stopping_.load(std::memory_order_acquire)) {
        if (end(live)) continue;
        if (stopping_.load(std::memory_order_acquire)) bell_.wait_for(kEndRetry);
        due.emplace(clock_.now() + kEndRetry, index);
        continue;
      }
      live.next->due = at;
      push(live, at);
      live.next = live.blocks.next(live.handle->payloads());
      due.emplace(live.next ? live.phase + Duration{live.next->to} : at, index);
    }
    finished_.store(true, std::memory_order_release);
  }
  void stop() {
    stopping_.store(true, std::memory_order_release);
    bell_.ring();
  }
  [[nodiscard]] bool finished() const noexcept { return finished_.load(std::memory_order_acquire); }

 private:
  void push(Live& live, Instant due) {
    if (recorder_ == nullptr) {
      (void)live.handle->push(stage_, std::move(*live.next));
      return;
    }
    const engine::InputPacket input{stage_, std::move(*live.next)};
    (void)recorder_->input(live.handle->number(), due, input, [&] {
      media::Packet packet = input.packet;
      return live.handle->push(stage_, std::move(packet));
    });
  }

  /// Tells a session that its input has ended. False: try again. Behind a node that hangs the door
  /// may stay full for good; drain_all() then finds that the session does not end.
  bool end(Live& live) {
    const auto ended = [&] { return live.handle->end_input(stage_); };
    if (recorder_ == nullptr ? ended()
                             : recorder_->input(live.handle->number(), clock_.now(),
                                                {stage_, end_of_input()}, ended))
      return true;
    const Instant now = clock_.now();
    if (!live.end_since) live.end_since = now;
    const bool stopping = stopping_.load(std::memory_order_acquire);
    return now - *live.end_since > (stopping ? kInterruptedFor : kPatience);
  }

  std::vector<std::unique_ptr<Live>>& sessions_;
  const base::Clock& clock_;
  std::uint32_t stage_;
  Recorder* recorder_;
  rt::Doorbell bell_;
  /// Written by the draining thread, read by the feeder.
  std::atomic<bool> stopping_{false};
  /// Written by the feeder, read by the draining thread.
  std::atomic<bool> finished_{false};
};

std::vector<std::unique_ptr<Live>> open_all(RunState& state, engine::Engine& engine) {
  std::vector<std::unique_ptr<Live>> sessions;
  std::uint64_t number = 0;
  for (const SessionTask& task : state.tasks) {
    ++number;
    auto source = open_input(task.input, state.files, *state.plan);
    if (!source) {
      state.code = std::max(state.code, report(source.error()));
      continue;
    }
    auto handle = engine.open(task.name);
    if (!handle) {
      state.code = std::max(state.code, report(handle.error()));
      continue;
    }
    sessions.push_back(
        std::make_unique<Live>(Live{.handle = std::move(*handle),
                                    .input = task.input,
                                    .blocks = BlockFeed(std::move(*source), task.input, state.files,
                                                        state.options, *state.plan),
                                    .output = SessionOutput(task, number, state),
                                    .next = std::nullopt,
                                    .end_since = std::nullopt}));
  }
  // Phases are spread evenly over one block, as those of callers are.
  const Instant begin = engine.clock().now() + std::chrono::milliseconds(20);
  for (std::size_t i = 0; i < sessions.size(); ++i)
    sessions[i]->phase = begin + Duration{state.files.frame} * static_cast<std::int64_t>(i) /
                                     static_cast<std::int64_t>(sessions.size());
  return sessions;
}

/// Takes what one session gave; true: something came.
bool drain(RunState& state, Live& live) {
  if (live.done) return false;
  const bool ended = live.handle->ended();
  bool any = false;
  engine::Event event;
  while (live.handle->next_event(event)) {
    any = true;
    live.output.event(event, live.phase);
    if (state.recorder)
      state.recorder->event(
          live.handle->number(),
          session::event_line(event, *state.plan, live.handle->name(), live.phase));
  }
  engine::OutputPacket output;
  while (live.handle->next_output(output)) {
    any = true;
    live.output.output(output);
  }
  if (ended && !any) live.done = true;
  return any;
}

void drain_all(RunState& state, std::vector<std::unique_ptr<Live>>& sessions, Feeder& feeder,
               const base::Clock& clock) {
  rt::Doorbell pause;
  Instant last_sign = clock.now();
  Instant last_write = last_sign;
  std::optional<Instant> stopped;
  for (;;) {
    bool any = false;
    std::size_t done = 0;
    const Instant now = clock.now();
    for (auto& live : sessions) {
      any = drain(state, *live) || any;
      if (live->done) ++done;
    }
    if (any || !feeder.finished()) last_sign = now;
    // All that happened before `now` has been taken, whatever this thread waited for since. The
    // last session began last: its clock is behind those of the others.
    state.log.write_until(base::to_us(now - sessions.back()->phase) - kReorderUs);
    if (state.recorder && now - last_write > kRecordEvery) {
      state.recorder->write();
      last_write = now;
    }
    if (done == sessions.size()) return;
    if (interrupted() && !stopped) {
      stopped = now;
      feeder.stop();
    }
    if (stopped ? now - *stopped > kInterruptedFor : now - last_sign > kPatience) {
      state.code = std::max(state.code, kFailed);
      warn(fmt::format("{} of {} sessions did not end; they are closed as they are",
                       sessions.size() - done, sessions.size()));
      return;
    }
    state.progress.show(
        fmt::format("{} session{}, {:.0f} s", sessions.size(), sessions.size() == 1 ? "" : "s",
                    std::chrono::duration<double>(now - sessions.front()->phase).count()));
    if (!any) pause.wait_for(std::chrono::milliseconds(5));
  }
}

void add_engine_figures(RunState& state, const engine::Engine& engine) {
  std::uint64_t most = 0;
  for (std::size_t i = 0; i < engine.shards(); ++i) {
    add_figures(state.stages, *state.plan, engine.shard(i));
    const metrics::Distribution decisions = engine.shard(i).decision_latency().distribution();
    state.figures.decisions += decisions.count();
    if (decisions.count() < most || decisions.count() == 0) continue;
    most = decisions.count();
    state.figures.decision_p50_ns = decisions.quantile(0.50);
    state.figures.decision_p99_ns = decisions.quantile(0.99);
  }
  const engine::Engine::Totals totals = engine.totals();
  state.figures.late = totals.shards.late;
  state.figures.wake_ups = totals.wake_ups;
  state.figures.sessions_refused = totals.sessions_refused;
  state.figures.sessions_unadmitted = totals.sessions_unadmitted;
}

}  // namespace

void run_realtime(RunState& state) {
  Recorder* recorder = state.recorder.get();
  auto engine = engine::Engine::start(state.plan, recorder != nullptr ? recorder->tape() : nullptr);
  if (!engine) {
    state.code = std::max(state.code, report(engine.error()));
    return;
  }
  auto sessions = open_all(state, **engine);
  if (sessions.empty()) return;
  if (recorder != nullptr)
    for (const auto& live : sessions)
      recorder->session(live->handle->number(), live->handle->name(), live->input, live->phase);
  Feeder feeder(sessions, (*engine)->clock(), state.stage, recorder);
  const Duration cpu_before = rt::process_cpu_time();
  const std::uint64_t allocations_before = rt::rt_allocations();
  const Instant began = (*engine)->clock().now();
  auto thread = rt::Thread::start("feeder", [&] { feeder.run(); });
  if (!thread) {
    state.code = std::max(state.code, report(thread.error()));
    return;
  }
  drain_all(state, sessions, feeder, (*engine)->clock());
  feeder.stop();
  thread->join();
  state.figures.wall_seconds =
      std::chrono::duration<double>((*engine)->clock().now() - began).count();
  state.figures.cpu_seconds =
      std::chrono::duration<double>(rt::process_cpu_time() - cpu_before).count();
  if (rt::allocations_watched())
    state.figures.allocations = rt::rt_allocations() - allocations_before;
  state.figures.sessions = sessions.size();
  for (auto& live : sessions) {
    live->handle->close();
    drain(state, *live);
    if (recorder != nullptr) recorder->events_lost(live->handle->events_lost());
    state.figures.refused += live->handle->refused();
    state.figures.events_lost += live->handle->events_lost();
    add_input(state, live->blocks);
    tell_of_input(state, live->blocks.warning());
    if (!live->output.close()) state.code = std::max(state.code, kFailed);
    if (!live->output.summary().failures().empty()) state.code = std::max(state.code, kFailed);
    state.summaries.push_back(std::move(live->output.summary()));
  }
  add_engine_figures(state, **engine);
}

}  // namespace millrace::app
