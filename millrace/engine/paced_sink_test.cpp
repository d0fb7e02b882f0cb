#include "millrace/engine/paced_sink.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace millrace::engine {
namespace {

using base::Instant;
using base::MediaTime;
using ::testing::Each;
using ::testing::IsEmpty;

constexpr Instant kNever{base::Duration::max()};

Instant ms(std::int64_t n) {
  return Instant{std::chrono::milliseconds(n)};
}

/// A sink at 16 kHz with the ordinary cushion of 40 ms.
class PacedSinkTest : public ::testing::Test {
 protected:
  media::Packet audio(std::uint32_t frames, std::uint32_t turn = 1, bool last = false) {
    media::Packet packet;
    packet.rate_hz = 16'000;
    packet.frames = frames;
    packet.last = last;
    packet.lineage.turn = {turn};
    packet.payload = payloads_.acquire(frames * sizeof(float));
    for (float& sample : packet.payload.writable_as<float>())
      sample = static_cast<float>(next_sample_++);
    return packet;
  }
  /// Lets out whatever is due at `now`; the sizes of the pieces.
  std::vector<std::uint32_t> pieces(Instant now) {
    std::vector<std::uint32_t> sizes;
    while (const auto piece = sink_.next_piece(now, payloads_)) {
      EXPECT_EQ(piece->samples().size(), piece->frames);
      for (const float sample : piece->samples()) heard_.push_back(sample);
      last_ = piece->last;
      sizes.push_back(piece->frames);
    }
    return sizes;
  }

  rt::PayloadPool payloads_;
  PacedSink sink_{node::Pacing{}};
  std::vector<float> heard_;
  bool last_ = false;
  int next_sample_ = 0;
};

TEST_F(PacedSinkTest, LetsOutTheCushionAtOnceAndTheRestInPiecesAtItsPace) {
  sink_.take(audio(3'200, 1, true), ms(0));

  std::vector<std::size_t> left{pieces(ms(0)).size()};
  EXPECT_EQ(left.front(), 2U) << "40 ms of 200";
  for (std::int64_t t = 1; t <= 200; ++t) {
    const auto sizes = pieces(ms(t));
    EXPECT_THAT(sizes, Each(320U)) << t;
    EXPECT_TRUE(sizes.empty() || t % 20 == 0) << t;
  }

  EXPECT_EQ(heard_.size(), 3'200U);
  for (std::size_t i = 0; i < heard_.size(); ++i) ASSERT_EQ(heard_[i], static_cast<float>(i));
  EXPECT_TRUE(last_);
  EXPECT_TRUE(sink_.wants_packet());
}

TEST_F(PacedSinkTest, MarksOnlyTheLastPieceAsLast) {
  sink_.take(audio(640, 1, true), ms(0));

  const auto first = sink_.next_piece(ms(0), payloads_);
  const auto second = sink_.next_piece(ms(0), payloads_);

  ASSERT_TRUE(first && second);
  EXPECT_FALSE(first->last);
  EXPECT_TRUE(second->last);
}

TEST_F(PacedSinkTest, SaysWhenTheNextPieceIsDue) {
  EXPECT_EQ(sink_.next_due(ms(0)), kNever);
  sink_.take(audio(3'200), ms(0));
  pieces(ms(0));

  EXPECT_EQ(sink_.next_due(ms(0)), ms(20));
  EXPECT_THAT(pieces(ms(19)), IsEmpty());
  EXPECT_EQ(pieces(ms(20)).size(), 1U);
}

TEST_F(PacedSinkTest, HoldsWhereItIsWhilePausedAndGoesOnFromThere) {
  sink_.take(audio(3'200, 1, true), ms(0));
  pieces(ms(0));
  pieces(ms(20));

  sink_.pause(ms(30));
  EXPECT_TRUE(sink_.paused());
  EXPECT_THAT(pieces(ms(500)), IsEmpty());
  EXPECT_EQ(sink_.next_due(ms(500)), kNever);
  sink_.resume(ms(1'000));

  EXPECT_THAT(pieces(ms(1'009)), IsEmpty());
  EXPECT_EQ(pieces(ms(1'010)).size(), 1U) << "10 ms of the piece were heard before the pause";
  for (std::int64_t t = 1'011; t < 1'300; ++t) pieces(ms(t));
  EXPECT_EQ(heard_.size(), 3'200U) << "nothing was skipped and nothing came twice";
}

TEST_F(PacedSinkTest, TellsAtTheFlushHowMuchOfTheTurnWasHeard) {
  sink_.take(audio(3'200, 1), ms(0));
  for (std::int64_t t = 0; t <= 70; t += 10) pieces(ms(t));

  EXPECT_EQ(sink_.flush(ms(75)), MediaTime{75'000});

  EXPECT_TRUE(sink_.wants_packet());
  EXPECT_FALSE(sink_.playing(ms(75)));
  EXPECT_THAT(pieces(ms(500)), IsEmpty());
}

TEST_F(PacedSinkTest, CountsWhatWasHeardFromTheBeginningOfTheLatestTurn) {
  sink_.take(audio(640, 1, true), ms(0));
  pieces(ms(0));
  sink_.take(audio(3'200, 2), ms(20));
  for (std::int64_t t = 20; t <= 90; t += 10) pieces(ms(t));

  EXPECT_EQ(sink_.flush(ms(90)), MediaTime{50'000}) << "40 ms were the turn before's";
}

TEST_F(PacedSinkTest, HasHeardNothingBeforeTheFirstPacket) {
  EXPECT_EQ(sink_.flush(ms(10)), MediaTime{0});
  EXPECT_FALSE(sink_.playing(ms(10)));
  EXPECT_FALSE(sink_.paused());
  EXPECT_EQ(sink_.current(), nullptr);
}

TEST_F(PacedSinkTest, PlaysUntilTheLastPieceWasHeard) {
  sink_.take(audio(320, 1, true), ms(0));
  pieces(ms(0));

  EXPECT_TRUE(sink_.playing(ms(19)));
  EXPECT_FALSE(sink_.playing(ms(20)));
}

TEST_F(PacedSinkTest, RefusesTheRestOfAnInterruptedGreeting) {
  sink_.take(audio(3'200, 0), ms(0));
  pieces(ms(0));

  EXPECT_EQ(sink_.interrupt(ms(20)), MediaTime{20'000});

  EXPECT_TRUE(sink_.refuses(audio(320, 0)));
  EXPECT_TRUE(sink_.refuses(audio(320, 0, true))) << "its end";
  EXPECT_FALSE(sink_.refuses(audio(320, 0))) << "another one";
}

TEST_F(PacedSinkTest, RefusesNothingOfATurnAndNothingBehindOne) {
  sink_.take(audio(3'200, 0), ms(0));
  (void)sink_.interrupt(ms(20));

  EXPECT_FALSE(sink_.refuses(audio(320, 1)));
  EXPECT_FALSE(sink_.refuses(audio(320, 0)));
}

TEST_F(PacedSinkTest, RefusesNothingWhenWhatWasInterruptedHadEndedOrHasATurn) {
  sink_.take(audio(3'200, 0, true), ms(0));
  (void)sink_.interrupt(ms(20));
  EXPECT_FALSE(sink_.refuses(audio(320, 0)));

  sink_.take(audio(3'200, 1), ms(20));
  (void)sink_.interrupt(ms(40));
  EXPECT_FALSE(sink_.refuses(audio(320, 0)));
}

TEST_F(PacedSinkTest, CountsAnUnderrunAndTheSilenceItCost) {
  sink_.take(audio(320, 1), ms(0));
  pieces(ms(0));
  EXPECT_THAT(pieces(ms(50)), IsEmpty());
  sink_.take(audio(320, 1, true), ms(60));
  pieces(ms(60));

  EXPECT_EQ(sink_.counters().underruns, 1U);
  EXPECT_EQ(sink_.counters().inserted_silence, base::Duration{std::chrono::milliseconds(40)});
}

}  // namespace
}  // namespace millrace::engine
