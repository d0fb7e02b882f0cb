#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "millrace/testing/virtual_world.hpp"

// An answer to each guess about a turn goes through the wrapper; guesses are withdrawn before,
// during and after the call that speaks them.
namespace millrace::testing {
namespace {

using engine::EventType;
using ::testing::IsEmpty;

constexpr const char* kAnswers = R"(
version: v1
nodes:
  - {id: mic, type: source}
  - {id: gate, type: scripted_gate}
  - {id: answer, type: answer, capabilities: {virtual_cost: {first_us: 5000, per_unit_us: 0}}}
  - {id: speak, type: speak, buffering: {mode: greedy, merge_strategy: concatenate_text}, capabilities: {parallelizable: false, batch_aware: true}}
  - {id: out, type: sink}
edges:
  - {from: mic, to: gate}
  - {from: gate, to: answer}
  - {from: answer, to: speak}
  - {from: speak, to: out}
executor: {pool_threads: 2}
)";

int command(GateCommand what) {
  return static_cast<int>(what);
}

/// A turn that is guessed to be over, resumed `after` blocks later, and then ends.
void say_turn(VirtualWorld& world, std::size_t session, int after) {
  ScriptFeed& feed = world.feed(session);
  const std::uint32_t mic = world.stage("mic");
  feed.add_audio(mic, command(GateCommand::open));
  feed.add_audio(mic, command(GateCommand::confirm));
  feed.add_audio(mic, command(GateCommand::eager));
  for (int i = 0; i < after; ++i) feed.add_audio(mic, command(GateCommand::pass));
  feed.add_audio(mic, command(GateCommand::resume));
  feed.add_audio(mic, command(GateCommand::pass));
  feed.add_audio(mic, command(GateCommand::eager));
  for (int i = 0; i < 3; ++i) feed.add_audio(mic, command(GateCommand::pass));
  feed.add_audio(mic, command(GateCommand::end_turn));
  feed.add_audio(mic, command(GateCommand::close));
}

TEST(WrapperCancel, LetsNothingOfAWithdrawnGuessOutWheneverItIsWithdrawn) {
  for (int after = 0; after < 8; ++after) {
    VirtualWorld world(kAnswers);
    for (std::size_t s = 0; s < 4; ++s) {
      world.open();
      for (int turn = 0; turn < 3; ++turn) say_turn(world, s, (after + static_cast<int>(s)) % 8);
      world.feed(s).end(world.stage("mic"));
    }

    world.run();

    EXPECT_THAT(world.broken(), IsEmpty()) << after;
    for (std::size_t s = 0; s < 4; ++s) {
      EXPECT_EQ(world.tap(s).stale, 0U);
      EXPECT_GT(world.tap(s).frames(), 0U) << "the reply that stood was spoken";
    }
  }
}

TEST(WrapperCancel, TakesAnInputOutOfTheBatchThatHasNotStarted) {
  // Session 0 keeps the node busy; the guess of session 1 waits behind it and is withdrawn there.
  VirtualWorld world(
      "version: v1\n"
      "nodes:\n"
      "  - {id: mic, type: source}\n"
      "  - {id: gate, type: scripted_gate}\n"
      "  - {id: answer, type: answer, capabilities: {virtual_cost: {first_us: 5000, per_unit_us: "
      "0}}}\n"
      "  - {id: speak, type: speak, buffering: {mode: greedy}, capabilities: {parallelizable: "
      "false, batch_aware: true, virtual_cost: {first_us: 300000, per_unit_us: 0}}}\n"
      "  - {id: out, type: sink}\n"
      "edges:\n"
      "  - {from: mic, to: gate}\n"
      "  - {from: gate, to: answer}\n"
      "  - {from: answer, to: speak}\n"
      "  - {from: speak, to: out}\n"
      "executor: {pool_threads: 2}\n");
  for (std::size_t s = 0; s < 2; ++s) {
    world.open();
    const std::uint32_t mic = world.stage("mic");
    world.feed(s).add_audio(mic, command(GateCommand::open));
    world.feed(s).add_audio(mic, command(GateCommand::confirm));
    if (s == 1) world.feed(s).add_audio(mic, command(GateCommand::pass));
    world.feed(s).add_audio(mic, command(GateCommand::eager));
    world.feed(s).add_audio(mic, command(GateCommand::pass));
    if (s == 1) world.feed(s).add_audio(mic, command(GateCommand::resume));
    world.feed(s).add_audio(mic, command(GateCommand::pass));
    world.feed(s).end(mic);
  }

  world.run();

  EXPECT_THAT(world.broken(), IsEmpty());
  std::uint64_t cancelled = 0;
  for (const engine::Event& event : world.tap(1).events)
    if (event.type == EventType::dropped && event.drop_reason == base::DropReason::cancelled &&
        event.stage == world.stage("speak"))
      cancelled += event.count;
  EXPECT_GE(cancelled, 1U);
}

}  // namespace
}  // namespace millrace::testing
