#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "millrace/testing/virtual_world.hpp"

namespace millrace::testing {
namespace {

using engine::EventType;
using ::testing::IsEmpty;

constexpr const char* kChain = R"(
version: v1
nodes:
  - {id: mic, type: source}
  - {id: a, type: pass}
  - {id: b, type: twice}
  - {id: out, type: sink}
edges:
  - {from: mic, to: a}
  - {from: a, to: b}
  - {from: b, to: out}
)";

TEST(Sweep, TakesABlockThroughEveryStageInTheTickInWhichItArrived) {
  VirtualWorld world(kChain);
  world.open();
  world.feed().add_audio(world.stage("mic"));
  world.feed().end(world.stage("mic"));

  world.run();

  EXPECT_THAT(world.broken(), IsEmpty());
  ASSERT_EQ(world.tap().outputs.size(), 2U);
  EXPECT_EQ(world.tap().events.front().wall, base::Instant{std::chrono::milliseconds(20)});
}

TEST(Sweep, KeepsTheOrderOfASession) {
  VirtualWorld world(kChain);
  world.open();
  for (int i = 0; i < 40; ++i) world.feed().add_audio(world.stage("mic"), i);
  world.feed().end(world.stage("mic"));

  world.run();

  EXPECT_THAT(world.broken(), IsEmpty());
  ASSERT_EQ(world.tap().outputs.size(), 80U);
  for (int i = 0; i < 80; ++i)
    EXPECT_EQ(world.tap().outputs[static_cast<std::size_t>(i)].packet.samples()[0],
              static_cast<float>(i / 2));
}

TEST(Sweep, GivesEachOfManySessionsWhatASingleOneGets) {
  VirtualWorld alone(kChain);
  alone.open();
  VirtualWorld together(kChain, 16);
  for (int s = 0; s < 16; ++s) together.open();
  for (int i = 0; i < 25; ++i) {
    alone.feed().add_audio(alone.stage("mic"), i);
    for (std::size_t s = 0; s < 16; ++s) together.feed(s).add_audio(together.stage("mic"), i);
  }
  alone.feed().end(alone.stage("mic"));
  for (std::size_t s = 0; s < 16; ++s) together.feed(s).end(together.stage("mic"));

  alone.run();
  together.run();

  EXPECT_THAT(together.broken(), IsEmpty());
  for (std::size_t s = 0; s < 16; ++s) {
    ASSERT_EQ(together.tap(s).events.size(), alone.tap().events.size());
    for (std::size_t i = 0; i < alone.tap().events.size(); ++i) {
      EXPECT_EQ(together.tap(s).events[i].type, alone.tap().events[i].type);
      EXPECT_EQ(together.tap(s).events[i].wall, alone.tap().events[i].wall);
    }
  }
}

TEST(Sweep, PassesTheEndOfTheInputOnceOverADiamond) {
  VirtualWorld world(R"(
version: v1
nodes:
  - {id: mic, type: source}
  - {id: left, type: pass}
  - {id: right, type: pass}
  - {id: both, type: join}
  - {id: out, type: sink}
edges:
  - {from: mic, to: left}
  - {from: mic, to: right}
  - {from: left, to: both.a}
  - {from: right, to: both.b}
  - {from: both, to: out}
)");
  world.open();
  for (int i = 0; i < 10; ++i) world.feed().add_audio(world.stage("mic"), i);
  world.feed().end(world.stage("mic"));

  world.run();

  EXPECT_THAT(world.broken(), IsEmpty());
  EXPECT_EQ(world.tap().outputs.size(), 20U);
}

TEST(Sweep, RunsAFeedbackEdgeOnTheNextTick) {
  VirtualWorld world(R"(
version: v1
nodes:
  - {id: mic, type: source}
  - {id: loop, type: loop}
  - {id: echo, type: pass}
  - {id: out, type: sink}
edges:
  - {from: mic, to: loop.in}
  - {from: loop, to: echo}
  - {from: echo, to: loop.back}
  - {from: echo, to: out}
)");
  world.open();
  for (int i = 0; i < 100; ++i) world.feed().add_audio(world.stage("mic"), i);
  world.feed().end(world.stage("mic"));

  world.run();

  EXPECT_THAT(world.broken(), IsEmpty());
  EXPECT_EQ(world.tap().outputs.size(), 100U);
}

constexpr const char* kBlocking = R"(
version: v1
nodes:
  - {id: mic, type: text_source}
  - {id: a, type: text_pass, queue: {capacity: 4, policy: block}}
  - {id: slow, type: pool_text, queue: {capacity: 4, policy: block}, capabilities: {virtual_cost: {first_us: 30000, per_unit_us: 0}}}
  - {id: out, type: text_sink, queue: {capacity: 4, policy: block}}
edges:
  - {from: mic, to: a}
  - {from: a, to: slow}
  - {from: slow, to: out}
)";

TEST(Sweep, BlocksUpToTheDoorAndLosesNothing) {
  VirtualWorld world(kBlocking);
  world.open();
  for (int i = 0; i < 200; ++i)
    world.feed().add_text(world.stage("mic"), std::to_string(i), base::Instant{});
  world.feed().end(world.stage("mic"));

  world.run();

  EXPECT_THAT(world.broken(), IsEmpty());
  const std::vector<std::string> texts = world.tap().texts();
  ASSERT_EQ(texts.size(), 200U);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(texts[static_cast<std::size_t>(i)], std::to_string(i));
  EXPECT_EQ(world.queue("mic", "a").counters().dropped_in_all(), 0U);
  EXPECT_LE(world.queue("mic", "a").counters().depth_max, 4U);
}

TEST(Sweep, DropsTheOldestAtASlowNodeAndSaysHowMany) {
  VirtualWorld world(R"(
version: v1
nodes:
  - {id: mic, type: source}
  - {id: slow, type: pool_pass, queue: {capacity: 4, policy: drop_oldest}, capabilities: {virtual_cost: {first_us: 500000, per_unit_us: 0}}}
  - {id: out, type: sink}
edges:
  - {from: mic, to: slow}
  - {from: slow, to: out}
)");
  world.open();
  for (int i = 0; i < 100; ++i) world.feed().add_audio(world.stage("mic"), i);
  world.feed().end(world.stage("mic"));

  world.run();

  EXPECT_THAT(world.broken(), IsEmpty());
  const engine::EdgeCounters& counters = world.queue("mic", "slow").counters();
  const std::uint64_t dropped =
      counters.dropped[static_cast<std::size_t>(base::DropReason::overflow)];
  EXPECT_GT(dropped, 0U);
  EXPECT_EQ(world.tap().outputs.size() + dropped, 100U);
  std::uint64_t told = 0;
  for (const engine::Event& event : world.tap().events)
    if (event.type == EventType::dropped) told += event.count;
  EXPECT_EQ(told, dropped);
  bool marked = false;
  for (const engine::OutputPacket& output : world.tap().outputs)
    marked = marked || output.packet.discontinuity;
  EXPECT_TRUE(marked) << "a packet after a loss says so";
}

TEST(Sweep, RepeatsItselfToTheBit) {
  const auto run = [] {
    VirtualWorld world(kBlocking);
    world.open();
    for (int i = 0; i < 50; ++i)
      world.feed().add_text(world.stage("mic"), std::to_string(i),
                            base::Instant{std::chrono::milliseconds(7 * i)});
    world.feed().end(world.stage("mic"));
    world.run();
    std::vector<std::int64_t> walls;
    for (const engine::Event& event : world.tap().events)
      walls.push_back(event.wall.since_start.count());
    return walls;
  };

  EXPECT_EQ(run(), run());
}

}  // namespace
}  // namespace millrace::testing
