#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "millrace/testing/virtual_world.hpp"

namespace millrace::testing {
namespace {

using engine::EventType;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr const char* kGated = R"(
version: v1
nodes:
  - {id: mic, type: source}
  - {id: gate, type: scripted_gate}
  - {id: out, type: sink}
edges:
  - {from: mic, to: gate}
  - {from: gate, to: out}
)";

void play(VirtualWorld& world, std::initializer_list<GateCommand> script) {
  for (const GateCommand command : script)
    world.feed().add_audio(world.stage("mic"), static_cast<int>(command));
  world.feed().end(world.stage("mic"));
  world.run();
}

TEST(Fence, HoldsWhatIsUnconfirmedAndLetsItGoInOrderAtTheConfirm) {
  VirtualWorld world(kGated);
  world.open();

  play(world, {GateCommand::open, GateCommand::pass, GateCommand::confirm, GateCommand::pass});

  EXPECT_THAT(world.broken(), IsEmpty());
  ASSERT_EQ(world.tap().outputs.size(), 4U);
  base::Instant confirmed{};
  for (const engine::Event& event : world.tap().events) {
    if (event.type == EventType::speculation_confirmed) confirmed = event.wall;
    if (event.type == EventType::output) {
      EXPECT_GE(event.wall, confirmed);
      EXPECT_EQ(event.state, media::PacketState::confirmed);
    }
  }
  // Released in the very tick of the confirm: 60 ms in, with the third block.
  EXPECT_EQ(confirmed, base::Instant{std::chrono::milliseconds(60)});
  EXPECT_EQ(world.tap().outputs[2].packet.to, base::MediaTime{60'000});
}

TEST(Fence, LetsNothingOutThatWasCancelled) {
  VirtualWorld world(kGated);
  world.open();

  play(world, {GateCommand::open, GateCommand::pass, GateCommand::cancel, GateCommand::pass,
               GateCommand::open, GateCommand::confirm});

  EXPECT_THAT(world.broken(), IsEmpty());
  EXPECT_EQ(world.tap().outputs.size(), 2U);
  EXPECT_EQ(world.tap().count(EventType::withheld), 2U);
}

TEST(Fence, LetsSpeculativeOutputThroughMarkedWhereTheManifestSaysSo) {
  VirtualWorld world(R"(
version: v1
nodes:
  - {id: mic, type: source}
  - {id: gate, type: scripted_gate}
  - {id: out, type: sink, release: speculative}
edges:
  - {from: mic, to: gate}
  - {from: gate, to: out}
)");
  world.open();

  play(world, {GateCommand::open, GateCommand::pass, GateCommand::confirm, GateCommand::pass});

  EXPECT_THAT(world.broken(), IsEmpty());
  ASSERT_EQ(world.tap().outputs.size(), 4U);
  EXPECT_EQ(world.tap().outputs[0].packet.state, media::PacketState::speculative);
  EXPECT_EQ(world.tap().outputs[1].packet.state, media::PacketState::speculative);
  EXPECT_EQ(world.tap().outputs[3].packet.state, media::PacketState::confirmed);
}

constexpr const char* kDialogue = R"(
version: v1
nodes:
  - {id: mic, type: source}
  - {id: gate, type: scripted_gate}
  - {id: asr, type: answer}
  - {id: tts, type: speak, params: {pieces: 10}}
  - {id: out, type: sink}
  - {id: words, type: text_sink}
edges:
  - {from: mic, to: gate}
  - {from: gate, to: asr}
  - {from: asr, to: tts}
  - {from: asr, to: words}
  - {from: tts, to: out}
)";

TEST(Fence, ReleasesAPreparedReplyInTheTickOfTheEndOfTurn) {
  VirtualWorld world(kDialogue);
  world.open();
  std::vector<GateCommand> script{GateCommand::open, GateCommand::confirm, GateCommand::eager};
  for (const GateCommand command : script)
    world.feed().add_audio(world.stage("mic"), static_cast<int>(command));
  for (int i = 0; i < 20; ++i) world.feed().add_audio(world.stage("mic"));
  world.feed().add_audio(world.stage("mic"), static_cast<int>(GateCommand::end_turn));
  world.feed().end(world.stage("mic"));

  world.run();

  EXPECT_THAT(world.broken(), IsEmpty());
  base::Instant ended{};
  base::Instant first{};
  for (const engine::Event& event : world.tap().events) {
    if (event.type == EventType::end_of_turn) ended = event.wall;
    if (event.type == EventType::output && event.stage == world.stage("out") &&
        first == base::Instant{})
      first = event.wall;
  }
  EXPECT_EQ(first, ended);
  EXPECT_EQ(world.tap().frames(), 3200U);
}

TEST(Fence, WithdrawsTheReplyToAGuessThatWasResumed) {
  VirtualWorld world(kDialogue);
  world.open();
  for (const GateCommand command : {GateCommand::open, GateCommand::confirm, GateCommand::eager})
    world.feed().add_audio(world.stage("mic"), static_cast<int>(command));
  for (int i = 0; i < 10; ++i) world.feed().add_audio(world.stage("mic"));
  for (const GateCommand command :
       {GateCommand::resume, GateCommand::pass, GateCommand::eager, GateCommand::end_turn})
    world.feed().add_audio(world.stage("mic"), static_cast<int>(command));
  world.feed().end(world.stage("mic"));

  world.run();

  EXPECT_THAT(world.broken(), IsEmpty());
  EXPECT_THAT(world.tap().texts(), ElementsAre("heard 15"));
  EXPECT_EQ(world.tap().frames(), 3200U);
}

TEST(Fence, FlushesEverythingOfATurnThatIsInterrupted) {
  VirtualWorld world(R"(
version: v1
nodes:
  - {id: mic, type: source}
  - {id: gate, type: scripted_gate}
  - {id: asr, type: answer}
  - {id: tts, type: speak, params: {pieces: 100}}
  - {id: out, type: paced_sink}
edges:
  - {from: mic, to: gate}
  - {from: gate, to: asr}
  - {from: asr, to: tts}
  - {from: tts, to: out}
)");
  world.open();
  for (const GateCommand command : {GateCommand::open, GateCommand::confirm, GateCommand::end_turn})
    world.feed().add_audio(world.stage("mic"), static_cast<int>(command));
  for (int i = 0; i < 30; ++i) world.feed().add_audio(world.stage("mic"));
  for (const GateCommand command :
       {GateCommand::open, GateCommand::interrupt, GateCommand::confirm})
    world.feed().add_audio(world.stage("mic"), static_cast<int>(command));
  world.feed().end(world.stage("mic"));

  world.run();

  EXPECT_THAT(world.broken(), IsEmpty());
  base::MediaTime played{0};
  base::Instant at{};
  base::Instant last_of_first{};
  std::uint64_t frames_of_first = 0;
  for (const engine::Event& event : world.tap().events) {
    if (event.type == EventType::interrupt) {
      played = event.played;
      at = event.wall;
    }
    if (event.type == EventType::output && event.lineage.turn.number == 1) {
      last_of_first = event.wall;
      frames_of_first += static_cast<std::uint64_t>(event.duration.count()) * 16 / 1000;
    }
  }
  EXPECT_GT(played, base::MediaTime{0});
  EXPECT_LE(last_of_first, at);
  const auto left = base::media_time(static_cast<std::int64_t>(frames_of_first), 16'000);
  EXPECT_LE(played, left);
  EXPECT_LE(left - played, base::MediaTime{60'000}) << "no more than the cushion left unheard";
}

TEST(Fence, LetsTheOldestHeldPacketGoBeforeTheGateThatWouldConfirmItIsStuck) {
  VirtualWorld world(R"(
version: v1
nodes:
  - {id: mic, type: source}
  - {id: gate, type: scripted_gate}
  - {id: out, type: sink, queue: {capacity: 4, policy: block}}
edges:
  - {from: mic, to: gate}
  - {from: gate, to: out}
)");
  world.open();
  world.feed().add_audio(world.stage("mic"), static_cast<int>(GateCommand::open));
  for (int i = 0; i < 10; ++i) world.feed().add_audio(world.stage("mic"));
  world.feed().add_audio(world.stage("mic"), static_cast<int>(GateCommand::confirm));
  world.feed().end(world.stage("mic"));

  world.run();

  EXPECT_THAT(world.broken(), IsEmpty());
  const engine::EdgeCounters& counters = world.queue("gate", "out").counters();
  EXPECT_EQ(counters.dropped[static_cast<std::size_t>(base::DropReason::overflow)], 8U);
  EXPECT_EQ(world.tap().outputs.size(), 4U);
  EXPECT_EQ(world.tap().outputs.back().packet.samples()[0],
            static_cast<float>(GateCommand::confirm));
}

TEST(Fence, AnswersAForeignCancelOfWhatIsFinalWithTooLate) {
  VirtualWorld world(kGated);
  world.open();
  for (const GateCommand command :
       {GateCommand::open, GateCommand::confirm, GateCommand::pass, GateCommand::pass})
    world.feed().add_audio(world.stage("mic"), static_cast<int>(command));
  while (world.runner().clock().now() < base::Instant{std::chrono::milliseconds(60)} &&
         world.runner().step()) {
  }

  media::Control cancel;
  cancel.type = media::ControlType::cancel_speculation;
  cancel.segment = {1};
  ASSERT_TRUE(world.runner().control({1, cancel}));
  cancel.segment = {77};
  ASSERT_TRUE(world.runner().control({1, cancel}));
  world.feed().end(world.stage("mic"));
  world.run();

  EXPECT_THAT(world.broken(), IsEmpty());
  std::vector<engine::ControlStatus> answers;
  for (const engine::Event& event : world.tap().events)
    if (event.type == EventType::control) answers.push_back(event.status);
  EXPECT_THAT(answers,
              ElementsAre(engine::ControlStatus::too_late, engine::ControlStatus::rejected));
  EXPECT_EQ(world.tap().outputs.size(), 4U);
}

}  // namespace
}  // namespace millrace::testing
