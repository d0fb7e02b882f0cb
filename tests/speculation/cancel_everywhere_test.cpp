#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "millrace/testing/virtual_world.hpp"

// A cancel at every instant of a segment's life: what leaves is what would have left had the
// segment never been, or all of it when the cancel came after the confirm.
namespace millrace::testing {
namespace {

using engine::EventType;
using ::testing::IsEmpty;

constexpr const char* kDialogue = R"(
version: v1
nodes:
  - {id: mic, type: source}
  - {id: gate, type: scripted_gate}
  - {id: asr, type: answer}
  - {id: tts, type: speak, params: {pieces: 10}}
  - {id: out, type: sink}
  - {id: words, type: text_sink}
  - {id: record, type: sink}
edges:
  - {from: mic, to: gate}
  - {from: gate, to: asr}
  - {from: asr, to: tts}
  - {from: asr, to: words}
  - {from: tts, to: out}
  - {from: gate, to: record}
)";

/// A packet that left, as the far end sees it.
struct Seen {
  std::uint32_t stage = 0;
  std::string text{};
  std::vector<float> samples{};
  std::int64_t from_us = 0;
  std::int64_t to_us = 0;

  friend bool operator==(const Seen&, const Seen&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Seen& seen) {
    return out << "stage " << seen.stage << " [" << seen.from_us << ", " << seen.to_us << ") '"
               << seen.text << "' " << seen.samples.size() << " samples";
  }
};

struct Left {
  std::vector<Seen> packets;
  std::optional<engine::ControlStatus> answer;  ///< to the foreign cancel
  std::vector<std::string> broken;
  std::int64_t confirmed_ms = -1;  ///< when segment 1 was
};

using Script = std::vector<GateCommand>;

void append(Script& script, std::initializer_list<GateCommand> commands, int passes = 0) {
  script.insert(script.end(), commands);
  script.insert(script.end(), static_cast<std::size_t>(passes), GateCommand::pass);
}

media::Packet silence(std::int64_t at_us) {
  media::Packet packet;
  packet.rate_hz = 16'000;
  packet.from = packet.to = base::MediaTime{at_us};
  return packet;
}

/// Plays `script`, a block each 20 ms, and sends a cancel of segment 1 right after the tick at
/// `cancel_ms`.
Left play(const Script& script, std::optional<int> cancel_ms = {}) {
  VirtualWorld world(kDialogue);
  const std::uint32_t mic = world.stage("mic");
  world.open();
  for (const GateCommand command : script) world.feed().add_audio(mic, static_cast<int>(command));
  world.feed().end(mic);
  Left left;
  if (cancel_ms) {
    // A second caller who says nothing, but makes the runner stop at that tick.
    const std::int64_t us = *cancel_ms * std::int64_t{1000};
    world.open();
    world.feed(1).add(base::Instant{std::chrono::microseconds(us)}, mic, silence(us));
    world.feed(1).end(mic);
    while (world.runner().clock().now() < base::Instant{std::chrono::microseconds(us)} &&
           world.runner().step()) {
    }
    media::Control cancel;
    cancel.type = media::ControlType::cancel_speculation;
    cancel.segment = {1};
    if (!world.runner().control({1, cancel})) left.broken.emplace_back("the cancel was not taken");
  }
  world.run();
  for (std::string& what : world.broken()) left.broken.push_back(std::move(what));
  for (const engine::Event& event : world.tap().events) {
    if (event.type == EventType::control) left.answer = event.status;
    if (event.type == EventType::speculation_confirmed && event.segment == base::SegmentId{1})
      left.confirmed_ms = event.wall.since_start.count() / 1'000'000;
  }
  for (const engine::OutputPacket& output : world.tap().outputs) {
    const media::Packet& packet = output.packet;
    Seen seen{.stage = output.stage, .from_us = packet.from.count(), .to_us = packet.to.count()};
    if (packet.kind == media::PacketKind::text) seen.text = packet.text();
    if (packet.kind == media::PacketKind::audio)
      seen.samples.assign(packet.samples().begin(), packet.samples().end());
    left.packets.push_back(std::move(seen));
  }
  return left;
}

/// Two turns of one segment each; the first is answered by a guess before it is confirmed.
Script two_turns() {
  Script script;
  append(script, {GateCommand::pass, GateCommand::open}, 4);
  append(script, {GateCommand::eager}, 6);
  append(script, {GateCommand::confirm}, 2);
  append(script, {GateCommand::end_turn}, 5);
  append(script, {GateCommand::open, GateCommand::confirm}, 3);
  append(script, {GateCommand::eager}, 6);
  append(script, {GateCommand::end_turn}, 20);
  return script;
}

/// `script` as it would be had its first segment never been: the gate passes over it.
Script without_first_segment(Script script) {
  for (GateCommand& command : script) {
    if (command != GateCommand::open) continue;
    command = GateCommand::pass;
    break;
  }
  return script;
}

TEST(CancelEverywhere, TheTwoRunsToCompareWithDiffer) {
  const Left all = play(two_turns());
  const Left never = play(without_first_segment(two_turns()));

  EXPECT_THAT(all.broken, IsEmpty());
  EXPECT_THAT(never.broken, IsEmpty());
  EXPECT_GT(never.packets.size(), 10U);
  EXPECT_GT(all.packets.size(), never.packets.size() + 10);
}

TEST(CancelEverywhere, AForeignCancelAtAnyTickLeavesWhatWouldHaveLeftWithoutTheSegment) {
  const Script script = two_turns();
  const Left all = play(script);
  const Left never = play(without_first_segment(script));
  ASSERT_GT(all.confirmed_ms, 0);
  constexpr int kOpened = 40;
  const auto confirmed = static_cast<int>(all.confirmed_ms);

  for (int ms = kOpened - 10; ms < confirmed + 400; ++ms) {
    const Left left = play(script, ms);

    ASSERT_THAT(left.broken, IsEmpty()) << "cancelled at " << ms << " ms";
    const auto expected = ms < kOpened     ? engine::ControlStatus::rejected
                          : ms < confirmed ? engine::ControlStatus::applied
                                           : engine::ControlStatus::too_late;
    ASSERT_EQ(left.answer, expected) << ms;
    const bool gone = expected == engine::ControlStatus::applied;
    ASSERT_EQ(left.packets, gone ? never.packets : all.packets) << "cancelled at " << ms << " ms";
  }
}

TEST(CancelEverywhere, ACancelByTheGateAtAnyBlockLeavesWhatWouldHaveLeftWithoutTheSegment) {
  const Script script = two_turns();
  const Left never = play(without_first_segment(script));

  for (std::size_t at = 2; script[at] != GateCommand::confirm; ++at) {
    Script cancelled = script;
    cancelled[at] = GateCommand::cancel;

    const Left left = play(cancelled);

    ASSERT_THAT(left.broken, IsEmpty()) << "cancelled at block " << at;
    ASSERT_EQ(left.packets, never.packets) << "cancelled at block " << at;
  }
}

/// What left by each sink, in its order; when a reply was made is left out.
std::vector<Seen> what_each_sink_let_out(Left left) {
  std::stable_sort(left.packets.begin(), left.packets.end(),
                   [](const Seen& a, const Seen& b) { return a.stage < b.stage; });
  for (Seen& seen : left.packets) seen.from_us = seen.to_us = 0;
  return left.packets;
}

TEST(CancelEverywhere, AReplyToTwoSegmentsLosesOnlyTheCancelledPart) {
  Script script;
  append(script, {GateCommand::open}, 4);
  append(script, {GateCommand::close, GateCommand::open}, 2);
  append(script, {GateCommand::confirm, GateCommand::close, GateCommand::eager}, 8);
  append(script, {GateCommand::end_turn}, 30);
  const std::vector<Seen> never = what_each_sink_let_out(play(without_first_segment(script)));
  ASSERT_GT(never.size(), 10U);
  const auto ends = std::find(script.begin(), script.end(), GateCommand::end_turn);
  const auto end_ms = static_cast<int>(20 * (ends - script.begin() + 1));

  for (int ms = 20; ms < end_ms; ++ms) {
    const Left left = play(script, ms);

    ASSERT_THAT(left.broken, IsEmpty()) << "cancelled at " << ms << " ms";
    ASSERT_EQ(left.answer, engine::ControlStatus::applied) << ms;
    ASSERT_EQ(what_each_sink_let_out(left), never) << "cancelled at " << ms << " ms";
  }
}

}  // namespace
}  // namespace millrace::testing
