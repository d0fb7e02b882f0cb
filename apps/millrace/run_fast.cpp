#include <fmt/core.h>

#include <utility>

#include "apps/millrace/block_feed.hpp"
#include "apps/millrace/report.hpp"
#include "apps/millrace/run.hpp"
#include "apps/millrace/session_output.hpp"

namespace millrace::app {

namespace {

class Tap final : public engine::OutputTap {
 public:
  explicit Tap(SessionOutput& to) : to_(to) {}
  void output(const engine::OutputPacket& output) override { to_.output(output); }
  void event(const engine::Event& event) override { to_.event(event, base::Instant{}); }

 private:
  SessionOutput& to_;
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
  Tap tap(output);
  auto session = (*runner)->open(task.name, feed, tap);
  if (!session) {
    state.code = std::max(state.code, report(session.error()));
    return;
  }
  (*runner)->run([&] {
    if (interrupted()) feed.stop();
    state.progress.show(fmt::format("session {} of {}, {:.0f} s of audio", number,
                                    state.tasks.size(),
                                    static_cast<double>(blocks.until().count()) / 1e6));
    return false;
  });
  tell_of_input(state, blocks.warning());
  if (!output.close()) state.code = std::max(state.code, kFailed);
  if (!output.summary().failures().empty()) state.code = std::max(state.code, kFailed);
  state.figures.audio_seconds += static_cast<double>(blocks.until().count()) / 1e6;
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
