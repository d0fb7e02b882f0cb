#include "apps/millrace/replay_run.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <utility>

#include "apps/millrace/report.hpp"
#include "apps/millrace/session_output.hpp"
#include "millrace/session/event_json.hpp"

namespace millrace::app {

namespace {

using base::Instant;
using What = engine::TapeEntry::What;

/// What one session gives: to the files of the run, and kept for the comparison.
class Tap final : public engine::OutputTap {
 public:
  Tap(RunState& state, const SessionTask& task, std::uint64_t number, Instant phase)
      : state_(state), name_(task.name), phase_(phase), output_(task, number, state) {}

  void output(const engine::OutputPacket& output) override { output_.output(output); }
  void event(const engine::Event& event) override {
    output_.event(event, phase_);
    lines_.push_back(session::event_line(event, *state_.plan, name_, phase_));
  }
  /// Ends the files, and gives the events away.
  [[nodiscard]] EventLines close() {
    if (!output_.close()) state_.code = std::max(state_.code, kFailed);
    return std::move(lines_);
  }

 private:
  RunState& state_;
  std::string name_;
  Instant phase_;
  SessionOutput output_;
  EventLines lines_;
};

/// Inputs of a session, each at its instant.
class ListFeed final : public engine::InputFeed {
 public:
  explicit ListFeed(std::vector<RecordedInput> inputs) : inputs_(std::move(inputs)) {}
  [[nodiscard]] Instant due() const noexcept override {
    return next_ < inputs_.size() ? inputs_[next_].due : Instant{base::Duration::max()};
  }
  [[nodiscard]] engine::InputPacket take() noexcept override {
    return std::move(inputs_[next_++].input);
  }
  void stop() noexcept { next_ = inputs_.size(); }

 private:
  std::vector<RecordedInput> inputs_;
  std::size_t next_ = 0;
};

/// When each input of each session was taken by its shard, by session number.
using Arrivals = std::map<std::uint64_t, std::vector<Instant>>;

Arrivals arrivals_of(const Recording& recording) {
  Arrivals arrivals;
  for (const engine::RecordedShard& shard : recording.shards) {
    Instant now{};
    for (const engine::TapeEntry& entry : shard.entries) {
      if (engine::is_step(entry.what)) now = {base::Duration{entry.value}};
      if (entry.what == What::input) arrivals[entry.session].push_back(now);
    }
  }
  return arrivals;
}

/// Puts the inputs on the clock of the session: 0 is when its media time 0 was due.
void place_inputs(RecordedSession& session, const std::vector<Instant>& arrived) {
  Instant last{};
  for (std::size_t i = 0; i < session.inputs.size(); ++i) {
    RecordedInput& input = session.inputs[i];
    const Instant at = i < arrived.size() ? arrived[i] : input.due;
    last = std::max(last, Instant{at - session.phase});
    input.due = last;
  }
}

/// Messages from outside to one session, each with the instant at which it was acted on.
std::vector<std::pair<Instant, engine::ForeignControl>> messages_to(const Recording& recording,
                                                                    std::uint64_t number) {
  std::vector<std::pair<Instant, engine::ForeignControl>> messages;
  for (const engine::RecordedShard& shard : recording.shards) {
    Instant now{};
    std::size_t next = 0;
    for (const engine::TapeEntry& entry : shard.entries) {
      if (engine::is_step(entry.what)) now = {base::Duration{entry.value}};
      if (entry.what != What::foreign) continue;
      if (entry.session == number) messages.emplace_back(now, shard.foreign[next]);
      ++next;
    }
  }
  return messages;
}

bool takes_rate(const graph::Plan& plan, std::uint32_t stage, std::int32_t rate_hz) {
  return std::all_of(plan.edges.begin(), plan.edges.end(), [&](const graph::Edge& edge) {
    if (edge.from != stage) return true;
    const std::int32_t wanted = plan.stages[edge.to].contract().inputs[edge.to_port].rate_hz;
    return wanted == 0 || wanted == rate_hz;
  });
}

/// What is wrong with an input; empty when nothing is.
std::string mistake(const RecordedInput& recorded, const graph::Plan& plan) {
  const media::Packet& packet = recorded.input.packet;
  const std::uint32_t stage = recorded.input.stage;
  if (std::find(plan.sources.begin(), plan.sources.end(), stage) == plan.sources.end())
    return fmt::format("it goes into stage {}, which is no source of the pipeline", stage);
  if (packet.is_marker()) return {};
  const bool text = packet.kind == media::PacketKind::text;
  if (text != takes_text(plan, stage))
    return fmt::format("it is {}, which '{}' does not take", text ? "text" : "audio",
                       plan.stages[stage].id);
  if (text) return {};
  if (!takes_rate(plan, stage, packet.rate_hz))
    return fmt::format("it is audio of {} Hz, which what follows '{}' does not take",
                       packet.rate_hz, plan.stages[stage].id);
  const base::MediaTime length = base::media_time(packet.frames, packet.rate_hz);
  if (std::abs((packet.to - packet.from - length).count()) > 2)
    return fmt::format("it has {} frames, which do not last from {} to {} us", packet.frames,
                       packet.from.count(), packet.to.count());
  return {};
}

base::Result<void> replay_shard(
    RunState& state, Recording& recording, std::size_t index,
    std::vector<std::unique_ptr<Tap>>& taps,
    const std::shared_ptr<engine::JobTapes>& jobs,  // shared: with the lanes
    Replayed& replayed) {
  engine::RecordedShard shard = std::move(recording.shards[index]);
  std::vector<std::uint32_t> here;
  for (const engine::TapeEntry& entry : shard.entries)
    if (entry.what == What::adopt) here.push_back(entry.session);
  auto runner = engine::ReplayRunner::create(state.plan, std::max<std::size_t>(1, here.size()),
                                             std::move(shard), jobs);
  if (!runner) return std::unexpected(std::move(runner.error()));
  for (std::size_t i = 0; i < recording.sessions.size(); ++i) {
    RecordedSession& session = recording.sessions[i];
    if (std::find(here.begin(), here.end(), session.number) == here.end()) continue;
    std::vector<engine::InputPacket> inputs;
    for (RecordedInput& input : session.inputs) {
      input.input.packet.due = input.due;
      inputs.push_back(std::move(input.input));
    }
    session.inputs.clear();
    if (auto added = (*runner)->add(session.name, session.number, std::move(inputs), *taps[i]);
        !added)
      return added;
  }
  (*runner)->run(interrupted);
  if (const auto parted = (*runner)->parted())
    replayed.parted = std::min(*parted, replayed.parted.value_or(*parted));
  replayed.jobs_parted += (*runner)->jobs_parted();
  return {};
}

class Jobs final : public engine::JobTapes {
 public:
  explicit Jobs(const std::map<engine::JobName, std::string>& jobs) : jobs_(jobs) {}
  void put(const engine::JobName&, std::string&&) override {}
  [[nodiscard]] std::optional<std::string_view> get(const engine::JobName& job) override {
    const auto found = jobs_.find(job);
    return found == jobs_.end() ? std::nullopt : std::optional<std::string_view>(found->second);
  }

 private:
  const std::map<engine::JobName, std::string>& jobs_;
};

base::Result<EventLines> replay_session(RunState& state, const Recording& recording,
                                        RecordedSession& session, const SessionTask& task) {
  auto runner = engine::VirtualRunner::create(state.plan, 1);
  if (!runner) return std::unexpected(std::move(runner.error()));
  Tap tap(state, task, session.number, Instant{});
  ListFeed feed(std::move(session.inputs));
  const auto messages = messages_to(recording, session.number);
  auto opened = (*runner)->open(task.name, feed, tap);
  if (!opened) return std::unexpected(std::move(opened.error()));
  std::size_t next = 0;
  (*runner)->run([&] {
    for (; next < messages.size(); ++next) {
      const Instant at{messages[next].first - session.phase};
      if (at > (*runner)->clock().now()) break;
      engine::ForeignControl message = messages[next].second;
      message.session = (*opened)->number;
      (void)(*runner)->control(std::move(message));
    }
    return interrupted();
  });
  return tap.close();
}

}  // namespace

base::Result<void> check_inputs(const Recording& recording, const graph::Plan& plan) {
  for (const RecordedSession& session : recording.sessions)
    for (std::size_t i = 0; i < session.inputs.size(); ++i)
      if (std::string wrong = mistake(session.inputs[i], plan); !wrong.empty())
        return base::fail(base::Code::bad_peer_data, std::move(wrong),
                          fmt::format("input {} of session {}", i + 1, session.name));
  return {};
}

base::Result<Replayed> replay_steps(RunState& state, Recording& recording) {
  Replayed replayed;
  std::vector<std::unique_ptr<Tap>> taps;
  for (std::size_t i = 0; i < recording.sessions.size(); ++i)
    taps.push_back(
        std::make_unique<Tap>(state, state.tasks[i], i + 1, recording.sessions[i].phase));
  const auto jobs = std::make_shared<Jobs>(recording.jobs);
  for (std::size_t shard = 0; shard < recording.shards.size(); ++shard)
    if (auto done = replay_shard(state, recording, shard, taps, jobs, replayed); !done)
      return std::unexpected(std::move(done.error()));
  for (const auto& tap : taps) replayed.events.push_back(tap->close());
  return replayed;
}

base::Result<Replayed> replay_inputs(RunState& state, Recording& recording) {
  Replayed replayed;
  Arrivals arrivals = arrivals_of(recording);
  for (std::size_t i = 0; i < recording.sessions.size(); ++i) {
    RecordedSession& session = recording.sessions[i];
    for (RecordedInput& input : session.inputs) input.input.stage = state.stage;
    place_inputs(session, arrivals[session.number]);
    auto events = replay_session(state, recording, session, state.tasks[i]);
    if (!events) return std::unexpected(std::move(events.error()));
    replayed.events.push_back(std::move(*events));
  }
  return replayed;
}

}  // namespace millrace::app
