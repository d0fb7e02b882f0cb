#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "millrace/testing/virtual_world.hpp"

// More turns than a queue has room for: whoever makes markers waits, and no turn loses its end.
namespace millrace::testing {
namespace {

using engine::EventType;
using ::testing::IsEmpty;

constexpr int kTurns = 100;

/// A hundred turns of three blocks each, as fast as they come.
void hurry(VirtualWorld& world) {
  world.open();
  const std::uint32_t mic = world.stage("mic");
  for (int i = 0; i < kTurns; ++i)
    for (const GateCommand command :
         {GateCommand::open, GateCommand::confirm, GateCommand::end_turn})
      world.feed().add_audio(mic, static_cast<int>(command));
  world.feed().end(mic);
  world.run();
}

TEST(MarkerRoom, LosesNoEndOfTurnAtASlowStageThatDropsData) {
  VirtualWorld world(R"(
version: v1
nodes:
  - {id: mic, type: source}
  - {id: gate, type: scripted_gate, queue: {policy: block}}
  - {id: slow, type: pool_pass, queue: {policy: drop_oldest, capacity: 3},
     capabilities: {virtual_cost: {first_us: 400000, per_unit_us: 0}}}
  - {id: asr, type: answer}
  - {id: words, type: text_sink}
edges:
  - {from: mic, to: gate}
  - {from: gate, to: slow}
  - {from: slow, to: asr}
  - {from: asr, to: words}
)");

  hurry(world);

  EXPECT_THAT(world.broken(), IsEmpty());
  EXPECT_EQ(world.tap().count(EventType::end_of_turn), static_cast<std::size_t>(kTurns));
  EXPECT_EQ(world.queue("gate", "slow").marker_room(),
            world.queue("gate", "slow").config().markers);
  EXPECT_EQ(world.queue("gate", "slow").counters().in,
            world.queue("gate", "slow").counters().out +
                world.queue("gate", "slow").counters().dropped_in_all());
  EXPECT_GT(world.tap().texts().size(), 0U);
}

TEST(MarkerRoom, BringsEveryMarkerTogetherWhereAFastWayMeetsASlowOne) {
  VirtualWorld world(R"(
version: v1
nodes:
  - {id: mic, type: source}
  - {id: gate, type: scripted_gate, queue: {policy: block}}
  - {id: fast, type: pass, queue: {policy: block}}
  - {id: slow, type: pool_pass, queue: {policy: block},
     capabilities: {virtual_cost: {first_us: 300000, per_unit_us: 0}}}
  - {id: both, type: join, queue: {policy: block}}
  - {id: asr, type: answer, queue: {policy: block}}
  - {id: words, type: text_sink}
edges:
  - {from: mic, to: gate}
  - {from: gate, to: fast}
  - {from: gate, to: slow}
  - {from: fast, to: both.a}
  - {from: slow, to: both.b}
  - {from: both, to: asr}
  - {from: asr, to: words}
)");

  hurry(world);

  EXPECT_THAT(world.broken(), IsEmpty());
  EXPECT_EQ(world.tap().texts().size(), static_cast<std::size_t>(kTurns))
      << "each turn was answered once";
}

TEST(MarkerRoom, LetsAHeldSegmentGiveWayWhenMarkersFillUpBehindIt) {
  VirtualWorld world(R"(
version: v1
nodes:
  - {id: mic, type: source}
  - {id: gate, type: scripted_gate, queue: {policy: block}}
  - {id: out, type: sink}
edges:
  - {from: mic, to: gate}
  - {from: gate, to: out}
)");
  world.open();
  const std::uint32_t mic = world.stage("mic");
  const auto say = [&](GateCommand command) {
    world.feed().add_audio(mic, static_cast<int>(command));
  };
  say(GateCommand::open);
  for (int i = 0; i < 60; ++i) {
    say(GateCommand::eager);
    say(GateCommand::resume);
  }
  say(GateCommand::confirm);
  world.feed().end(mic);

  world.run();

  EXPECT_THAT(world.broken(), IsEmpty());
  EXPECT_EQ(world.tap().count(EventType::speculation_confirmed), 1U);
  EXPECT_EQ(world.tap().outputs.back().packet.samples()[0],
            static_cast<float>(GateCommand::confirm));
}

}  // namespace
}  // namespace millrace::testing
