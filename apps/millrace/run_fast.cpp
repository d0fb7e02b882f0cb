#include <fmt/core.h>

#include <optional>
#include <utility>

#include "apps/millrace/block_feed.hpp"
#include "apps/millrace/report.hpp"
#include "apps/millrace/run.hpp"
#include "apps/millrace/session_output.hpp"
#include "millrace/session/event_json.hpp"

namespace millrace::app {

namespace {

class Tap final : public engine::OutputTap {
 public:
  Tap(SessionOutput& to, const RunState& run, const SessionTask& task, std::uint64_t number)
      : to_(to), run_(run), task_(task), number_(number) {}
  void output(const engine::OutputPacket& output) override { to_.output(output); }
  void event(const engine::Event& event) override {
    to_.event(event, base::Instant{});
    if (run_.recorder)
      run_.recorder->event(number_,
                           session::event_line(event, *run_.plan, task_.name, base::Instant{}));
  }

 private:
  SessionOutput& to_;
  const RunState& run_;
  const SessionTask& task_;
  std::uint64_t number_;
};

void run_one(RunState& state, const SessionTask& task, std::uint64_t number) {
  auto source = open_input(task.input, state.files, *state.plan);
  if (!source) {
    state.code = std::max(state.code, report(source.error()));
    return;
  }
  auto runner = engine::VirtualRunner::create(state.plan, 1);
  if (!runner) {
    state.code = std::max(state.code, report(runner.error()));
    return;
  }
  BlockFeed blocks(std::move(*source), task.input, state.files, state.options, *state.plan);
  VirtualFeed feed(blocks, state.stage, (*runner)->payloads());
  SessionOutput output(task, number, state);
  Tap tap(output, state, task, number);
  std::optional<RecordedFeed> recorded;
  if (state.recorder) {
    state.recorder->session(number, task.name, task.input, base::Instant{});
    recorded.emplace(feed, *state.recorder, number);
  }
  engine::InputFeed& input = recorded ? static_cast<engine::InputFeed&>(*recorded) : feed;
  auto session = (*runner)->open(task.name, input, tap);
  if (!session) {
    state.code = std::max(state.code, report(session.error()));
    return;
  }
  const base::RealClock clock;
  std::optional<base::Instant> stopped;
  (*runner)->run([&] {
    if (interrupted() && !stopped) {
      stopped = clock.now();
      feed.stop();
    }
    if (stopped && clock.now() - *stopped > kInterruptedFor) {
      warn(task.name + " was interrupted and still worked; it is closed as it is");
      return true;
    }
    state.progress.show(fmt::format("session {} of {}, {:.0f} s of audio", number,
                                    state.tasks.size(),
                                    static_cast<double>(blocks.until().count()) / 1e6));
    return false;
  });
  if (state.recorder) {
    state.recorder->events_lost((*session)->events_lost);
    state.recorder->write();
  }
  tell_of_input(state, blocks.warning());
  if (!output.close()) state.code = std::max(state.code, kFailed);
  if (!output.summary().failures().empty()) state.code = std::max(state.code, kFailed);
  add_input(state, blocks);
  state.figures.events_lost += (*session)->events_lost;
  add_figures(state.stages, *state.plan, (*runner)->shard());
  state.summaries.push_back(std::move(output.summary()));
}

}  // namespace

void run_fast(RunState& state) {
  const base::RealClock clock;
  std::uint64_t number = 0;
  for (const SessionTask& task : state.tasks) {
    ++number;
    if (interrupted()) break;
    run_one(state, task, number);
  }
  state.figures.virtual_time = true;
  state.figures.sessions = state.summaries.size();
  state.figures.wall_seconds = std::chrono::duration<double>(clock.now().since_start).count();
}

}  // namespace millrace::app
