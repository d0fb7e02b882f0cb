#include "millrace/testing/virtual_world.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "millrace/base/check.hpp"

namespace millrace::testing {

using base::Instant;
using engine::Event;
using engine::EventType;

void ScriptFeed::add(Instant due, std::uint32_t stage, media::Packet packet) {
  MR_CHECK(due >= last_due_, "a script is written in the order of time");
  last_due_ = due;
  entries_.push_back({due, {stage, std::move(packet)}});
}

void ScriptFeed::add_audio(std::uint32_t stage, int command) {
  media::Packet packet;
  packet.kind = media::PacketKind::audio;
  packet.rate_hz = 16'000;
  packet.frames = 320;
  packet.from = until_;
  packet.to = until_ + base::MediaTime{20'000};
  std::vector<float> samples(320, 0.0F);
  samples[0] = static_cast<float>(command);
  packet.payload = rt::Payload::copy_of(std::as_bytes(std::span<const float>(samples)));
  until_ = packet.to;
  add(std::max(last_due_, Instant{until_}), stage, std::move(packet));
}

void ScriptFeed::add_text(std::uint32_t stage, std::string_view text, Instant due) {
  media::Packet packet;
  packet.kind = media::PacketKind::text;
  packet.payload = rt::Payload::copy_of(std::as_bytes(std::span<const char>(text)));
  add(due, stage, std::move(packet));
}

void ScriptFeed::end(std::uint32_t stage) {
  media::Packet marker;
  marker.kind = media::PacketKind::control;
  marker.control_type = media::ControlType::end_of_input;
  add(last_due_, stage, std::move(marker));
}

Instant ScriptFeed::due() const noexcept {
  return entries_.empty() ? Instant{base::Duration::max()} : entries_.front().due;
}

engine::InputPacket ScriptFeed::take() noexcept {
  engine::InputPacket input = std::move(entries_.front().input);
  entries_.pop_front();
  return input;
}

void CheckedTap::event(const Event& event) {
  events.push_back(event);
  const std::uint32_t segment = event.segment.number;
  const std::uint32_t turn = event.lineage.turn.number;
  const auto say = [&](std::string what) { broken.push_back(std::move(what)); };
  switch (event.type) {
    case EventType::speculation_started: open_.insert(segment); break;
    case EventType::speculation_confirmed:
      if (cancelled_.contains(segment) || !confirmed_.insert(segment).second)
        say("I3: segment " + std::to_string(segment) + " ended twice");
      open_.erase(segment);
      break;
    case EventType::speculation_cancelled:
      ++cancels;
      if (confirmed_.contains(segment) || !cancelled_.insert(segment).second)
        say("I3: segment " + std::to_string(segment) + " ended twice");
      open_.erase(segment);
      break;
    case EventType::eager_end_of_turn: guessed_[turn] = event.lineage.revision; break;
    case EventType::turn_resumed:
      ++cancels;
      if (guessed_[turn] != event.lineage.revision)
        say("I8: turn " + std::to_string(turn) + " resumed a guess that was never made");
      for (std::uint32_t r = 1; r <= event.lineage.revision; ++r) withdrawn_.insert({turn, r});
      break;
    case EventType::interrupt:
      ++cancels;
      interrupted_ = std::max(interrupted_, turn);
      break;
    case EventType::output: {
      bool dead = turn != 0 && turn <= interrupted_;
      for (const base::SegmentId id : event.lineage.segments)
        dead = dead || cancelled_.contains(id.number);
      dead = dead || withdrawn_.contains({turn, event.lineage.revision});
      if (dead) {
        ++stale;
        say("I1: something withdrawn left in turn " + std::to_string(turn));
      }
      if (event.state == media::PacketState::confirmed)
        for (const base::SegmentId id : event.lineage.segments)
          if (!confirmed_.contains(id.number))
            say("commit boundary: segment " + std::to_string(id.number) + " was not confirmed");
      std::uint32_t& last = left_revision_[{event.stage, turn}];
      if (event.lineage.revision != 0 && event.lineage.revision < last)
        say("I4: a revision went back in turn " + std::to_string(turn));
      last = std::max(last, event.lineage.revision);
      break;
    }
    default: break;
  }
}

std::size_t CheckedTap::count(EventType type) const {
  return static_cast<std::size_t>(std::count_if(
      events.begin(), events.end(), [&](const Event& event) { return event.type == type; }));
}

std::vector<std::string> CheckedTap::texts() const {
  std::vector<std::string> all;
  for (const engine::OutputPacket& output : outputs)
    if (output.packet.kind == media::PacketKind::text) all.emplace_back(output.packet.text());
  return all;
}

std::uint64_t CheckedTap::frames() const {
  std::uint64_t sum = 0;
  for (const engine::OutputPacket& output : outputs)
    if (output.packet.kind == media::PacketKind::audio) sum += output.packet.frames;
  return sum;
}

VirtualWorld::VirtualWorld(std::string_view manifest, std::size_t max_sessions)
    : VirtualWorld(test_plan(manifest), max_sessions) {}

VirtualWorld::VirtualWorld(std::shared_ptr<const graph::Plan> plan, std::size_t max_sessions)
    : plan_(std::move(plan)) {
  auto runner = engine::VirtualRunner::create(plan_, max_sessions);
  MR_CHECK(runner.has_value(), "the test nodes open");
  runner_ = std::move(*runner);
}

std::size_t VirtualWorld::open() {
  feeds_.push_back(std::make_unique<ScriptFeed>());
  taps_.push_back(std::make_unique<CheckedTap>());
  auto session = runner_->open("s" + std::to_string(feeds_.size()), *feeds_.back(), *taps_.back());
  MR_CHECK(session.has_value(), "the test nodes open a session");
  states_.push_back(*session);
  return feeds_.size() - 1;
}

std::uint32_t VirtualWorld::stage(std::string_view id) const {
  const graph::Stage* stage = plan_->find(id);
  MR_CHECK(stage != nullptr, "the test names a stage of its plan");
  return stage->index;
}

const engine::EdgeQueue& VirtualWorld::queue(std::string_view from, std::string_view to,
                                             std::size_t session) const {
  const std::uint32_t a = stage(from);
  const std::uint32_t b = stage(to);
  for (std::size_t e = 0; e < plan_->edges.size(); ++e)
    if (plan_->edges[e].from == a && plan_->edges[e].to == b) return states_[session]->queues[e];
  base::check_failed("edge", "the test names an edge of its plan", __FILE__, __LINE__);
}

void VirtualWorld::run() {
  runner_->run();
  for (std::size_t i = 0; i < states_.size(); ++i) {
    for (std::size_t e = 0; e < plan_->edges.size(); ++e) {
      const std::int64_t residual = states_[i]->queues[e].residual();
      if (residual != 0)
        broken_.push_back("I5: edge " + std::to_string(e) + " has a residual of " +
                          std::to_string(residual));
    }
    if (!states_[i]->ended.load())
      broken_.push_back("session " + std::to_string(i) + " never ended");
    if (states_[i]->events_lost != 0) broken_.push_back("events were lost");
  }
}

std::vector<std::string> VirtualWorld::broken() const {
  std::vector<std::string> all = broken_;
  for (const auto& tap : taps_) all.insert(all.end(), tap->broken.begin(), tap->broken.end());
  return all;
}

}  // namespace millrace::testing
