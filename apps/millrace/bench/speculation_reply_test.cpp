#include "apps/millrace/bench/speculation_reply.hpp"

#include <gtest/gtest.h>

namespace millrace::app {
namespace {

using engine::Event;
using engine::EventType;

constexpr std::uint32_t kSpeaker = 5;

base::Instant ms(std::int64_t milliseconds) {
  return base::Instant{std::chrono::milliseconds(milliseconds)};
}

Event about(EventType type, std::int64_t at_ms, std::uint32_t revision) {
  Event event;
  event.type = type;
  event.lineage.turn = {1};
  event.lineage.revision = revision;
  event.logged = ms(at_ms);
  event.at = base::MediaTime{500'000};
  event.stage = kSpeaker;
  event.state = media::PacketState::confirmed;
  return event;
}

TEST(TurnWatch, KnowsTheGuessThatStoodAndTheFirstReply) {
  TurnWatch watch(kSpeaker);
  watch.event(about(EventType::eager_end_of_turn, 700, 1));
  watch.event(about(EventType::turn_resumed, 800, 1));
  watch.event(about(EventType::eager_end_of_turn, 1'200, 2));
  watch.event(about(EventType::end_of_turn, 1'600, 2));
  watch.event(about(EventType::output, 1'601, 2));
  watch.event(about(EventType::output, 1'621, 2));
  engine::OutputPacket output{.stage = kSpeaker, .packet = {}};
  output.packet.lineage.turn = {1};
  output.packet.enqueued = ms(1'400);
  watch.output(output);

  const auto turns = watch.turns();

  ASSERT_EQ(turns.size(), 1U);
  EXPECT_EQ(turns[0].eager, ms(1'200));
  EXPECT_EQ(turns[0].ended, ms(1'600));
  EXPECT_EQ(turns[0].replied, ms(1'601));
  EXPECT_TRUE(turns[0].held);
  EXPECT_EQ(watch.eagers(), 2U);
  EXPECT_EQ(watch.withdrawn(), 1U);
}

TEST(PairTurns, SavingIsCountedFromTheSameInstantOfTheAudio) {
  const SessionTurns eager{
      ms(10),
      {{.at = base::MediaTime{1}, .ended = ms(1'600), .eager = ms(1'200), .replied = ms(1'601)}}};
  const SessionTurns waiting{
      ms(30), {{.at = base::MediaTime{1}, .ended = ms(1'620), .eager = {}, .replied = ms(1'770)}}};

  const auto pairs = pair_turns(eager, waiting);

  ASSERT_EQ(pairs.size(), 1U);
  EXPECT_EQ(pairs[0].saving, std::chrono::milliseconds(149));
  EXPECT_EQ(pairs[0].hang, std::chrono::milliseconds(400));
  EXPECT_EQ(pairs[0].compute, std::chrono::milliseconds(150));
  EXPECT_EQ(pairs[0].theory(), std::chrono::milliseconds(150));
}

TEST(PairTurns, LeavesOutWhatHasNoTwinOrNoAnswer) {
  const SessionTurns eager{
      ms(0),
      {{.at = base::MediaTime{1}, .ended = ms(1), .eager = {}, .replied = ms(2)},
       {.at = base::MediaTime{2}, .ended = ms(3), .eager = {}, .replied = {}}}};
  const SessionTurns waiting{
      ms(0), {{.at = base::MediaTime{2}, .ended = ms(3), .eager = {}, .replied = ms(4)}}};

  EXPECT_TRUE(pair_turns(eager, waiting).empty());
}

}  // namespace
}  // namespace millrace::app
