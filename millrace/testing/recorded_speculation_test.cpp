#include "millrace/testing/recorded_speculation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace millrace::testing {
namespace {

using base::MediaTime;
using media::ControlType;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct World {
  std::unique_ptr<policy::SpeculationLedger> ledger = std::make_unique<policy::SpeculationLedger>();
  std::vector<media::Control> markers;
  RecordedSpeculation speculation{
      *ledger, [this](const media::Control& control) { markers.push_back(control); }};
};

TEST(RecordedSpeculation, SegmentsLiveAndDieInTheLedger) {
  World world;
  const base::SegmentId good = world.speculation.open_segment(MediaTime{10});
  const base::SegmentId bad = world.speculation.open_segment(MediaTime{20});

  world.speculation.confirm_segment(good);
  world.speculation.cancel_segment(bad, MediaTime{20}, MediaTime{30},
                                   media::CancelReason::too_short);

  EXPECT_EQ(world.ledger->state(good), policy::SegmentState::confirmed);
  EXPECT_EQ(world.ledger->state(bad), policy::SegmentState::cancelled);
  const auto cancels = world.speculation.calls(SpeculationCall::cancel_segment);
  ASSERT_THAT(cancels, SizeIs(1));
  EXPECT_EQ(cancels[0].segment, bad);
  EXPECT_EQ(cancels[0].from, MediaTime{20});
  EXPECT_EQ(cancels[0].to, MediaTime{30});
  EXPECT_EQ(cancels[0].reason, media::CancelReason::too_short);
}

TEST(RecordedSpeculation, GuessesAreNumberedAndMarked) {
  World world;
  const base::TurnId turn = world.speculation.open_turn();

  EXPECT_EQ(world.speculation.eager_end_of_turn(turn, MediaTime{1}, MediaTime{2}), 1U);
  world.speculation.turn_resumed(turn, 1);
  EXPECT_EQ(world.speculation.eager_end_of_turn(turn, MediaTime{3}, MediaTime{4}), 2U);
  EXPECT_EQ(world.speculation.end_of_turn(turn, 2, MediaTime{3}, MediaTime{4}), 2U);

  ASSERT_THAT(world.markers, SizeIs(4));
  EXPECT_EQ(world.markers[1].type, ControlType::turn_resumed);
  EXPECT_EQ(world.markers[3].type, ControlType::end_of_turn);
  EXPECT_EQ(world.markers[3].revision, 2U);
  EXPECT_EQ(world.markers[3].at, MediaTime{3});
  EXPECT_EQ(world.markers[3].audio_until, MediaTime{4});
  EXPECT_TRUE(world.ledger->turn_committed(turn));
}

TEST(RecordedSpeculation, AnEndWithoutAGuessTakesANewRevision) {
  World world;
  const base::TurnId turn = world.speculation.open_turn();

  EXPECT_EQ(world.speculation.end_of_turn(turn, 0, MediaTime{3}, MediaTime{4}), 1U);
}

TEST(RecordedSpeculation, NothingIsGuessedOrMarkedWithoutABudget) {
  World world;
  world.speculation.set_budget_used_up(true);
  const base::TurnId turn = world.speculation.open_turn();

  EXPECT_FALSE(world.speculation.open_segment(MediaTime{0}));
  EXPECT_EQ(world.speculation.eager_end_of_turn(turn, MediaTime{1}, MediaTime{2}), 0U);

  EXPECT_THAT(world.markers, IsEmpty());
  EXPECT_EQ(world.ledger->last_revision(turn), 0U);
}

TEST(RecordedSpeculation, AnswersWhetherAReplyIsPlayingAsTheTestSays) {
  World world;
  EXPECT_FALSE(world.speculation.playing());
  world.speculation.set_playing(true);
  const base::TurnId turn = world.speculation.open_turn();

  EXPECT_TRUE(world.speculation.playing());
  world.speculation.pause_playback();
  world.speculation.resume_playback();
  world.speculation.interrupt(turn, MediaTime{7});
  world.speculation.speech_started(MediaTime{7});
  world.speculation.speech_ended(MediaTime{9});

  EXPECT_TRUE(world.ledger->turn_interrupted(turn));
  EXPECT_EQ(world.speculation.calls(SpeculationCall::interrupt)[0].from, MediaTime{7});
  EXPECT_EQ(world.speculation.calls(SpeculationCall::speech_ended)[0].at, MediaTime{9});
  EXPECT_THAT(world.speculation.calls(), SizeIs(6));
  world.speculation.clear();
  EXPECT_THAT(world.speculation.calls(), IsEmpty());
}

}  // namespace
}  // namespace millrace::testing
