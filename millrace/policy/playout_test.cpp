#include "millrace/policy/playout.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "millrace/base/rng.hpp"

namespace millrace::policy {
namespace {

using base::MediaTime;
using std::chrono::milliseconds;

constexpr std::uint32_t kPiece = 320;  // 20 ms at 16 kHz

class PlayoutTest : public testing::Test {
 protected:
  std::int64_t push(std::uint32_t ms, bool last = false) {
    return playout_.push(ms * 16, last, now_);
  }
  /// Lets leave what is due now; answers milliseconds of it.
  std::uint32_t send() {
    const std::uint32_t frames = playout_.due(now_);
    playout_.sent(frames, now_);
    return frames / 16;
  }
  void wait(int ms) { now_ = now_ + milliseconds{ms}; }
  std::int64_t heard_ms() { return playout_.heard(now_) / 16; }

  Playout playout_{PlayoutParams{}};
  base::Instant now_{milliseconds{1000}};
};

TEST_F(PlayoutTest, LetsTheCushionOutAtOnceAndTheRestAtThePaceOfTheAudio) {
  push(200, true);

  EXPECT_EQ(send(), 40U);
  EXPECT_EQ(send(), 0U);
  wait(19);
  EXPECT_EQ(send(), 0U);
  wait(1);
  EXPECT_EQ(send(), 20U);
  wait(40);
  EXPECT_EQ(send(), 40U);
  EXPECT_EQ(heard_ms(), 60);
}

TEST_F(PlayoutTest, LeavesInWholePiecesButForTheRestOfAReply) {
  push(50, true);

  EXPECT_EQ(send(), 40U);
  wait(10);
  EXPECT_EQ(send(), 10U);
}

TEST_F(PlayoutTest, ARestThatIsNotTheEndWaitsUntilTheEarIsNearlyThere) {
  push(50, false);
  EXPECT_EQ(send(), 40U);

  wait(20);
  EXPECT_EQ(send(), 0U);
  wait(1);
  EXPECT_EQ(send(), 10U);

  EXPECT_EQ(playout_.counters().underruns, 0U);
}

TEST_F(PlayoutTest, AReplyThatWasHeardToItsEndIsNoUnderrun) {
  push(40, true);
  send();
  wait(500);

  EXPECT_EQ(playout_.due(now_), 0U);
  EXPECT_FALSE(playout_.playing(now_));
  const std::int64_t second = push(40, true);
  EXPECT_EQ(second, 640);
  EXPECT_EQ(send(), 40U);

  EXPECT_EQ(playout_.counters().underruns, 0U);
  wait(10);
  EXPECT_EQ(playout_.played(second, now_), milliseconds{10});
}

TEST_F(PlayoutTest, AReplyThatFollowsUnaskedIsNoUnderrunEither) {
  push(40, true);
  send();
  wait(500);

  push(40, false);
  send();

  EXPECT_EQ(playout_.counters().underruns, 0U);
  EXPECT_EQ(playout_.counters().inserted_silence, base::Duration{0});
}

TEST_F(PlayoutTest, CountsAnUnderrunWithItsSilenceAndGrowsTheCushion) {
  push(40, false);
  send();
  wait(70);

  EXPECT_EQ(send(), 0U);
  EXPECT_EQ(playout_.counters().underruns, 1U);
  wait(5);
  EXPECT_EQ(playout_.due(now_), 0U);
  push(100, true);
  EXPECT_EQ(send(), 60U);

  EXPECT_EQ(playout_.counters().underruns, 1U);
  EXPECT_EQ(playout_.counters().inserted_silence, milliseconds{35});
  EXPECT_EQ(playout_.cushion(), milliseconds{60});
  wait(10);
  EXPECT_EQ(heard_ms(), 50);
}

TEST_F(PlayoutTest, ASinkThatWasNotAskedInTimeUnderrunsToo) {
  push(200, true);
  send();

  wait(50);
  send();

  EXPECT_EQ(playout_.counters().underruns, 1U);
  EXPECT_EQ(playout_.counters().inserted_silence, milliseconds{10});
}

TEST_F(PlayoutTest, TheCushionNeverOutgrowsItsBound) {
  for (int i = 0; i < 20; ++i) {
    push(20, false);
    send();
    wait(100);
    (void)playout_.due(now_);
  }

  EXPECT_EQ(playout_.cushion(), milliseconds{200});
}

TEST_F(PlayoutTest, TheCushionShrinksAfterACalmStretch) {
  push(20, false);
  send();
  wait(100);
  push(60'000, false);
  send();
  ASSERT_EQ(playout_.cushion(), milliseconds{60});

  for (int i = 0; i < 1010; ++i) {
    wait(10);
    send();
  }
  EXPECT_EQ(playout_.cushion(), milliseconds{40});
  for (int i = 0; i < 2000; ++i) {
    wait(10);
    send();
  }

  EXPECT_EQ(playout_.cushion(), milliseconds{40});
  EXPECT_EQ(playout_.counters().underruns, 1U);
}

TEST_F(PlayoutTest, ACushionIsAtLeastAPiece) {
  Playout playout({.cushion = MediaTime{0}, .cushion_max = MediaTime{0}});
  playout.push(kPiece * 2, true, now_);

  EXPECT_EQ(playout.due(now_), kPiece);
}

TEST_F(PlayoutTest, APauseStopsTheEarAndAResumeGoesOnFromThere) {
  push(400, true);
  send();
  wait(30);
  send();

  playout_.pause(now_);
  EXPECT_EQ(heard_ms(), 30);
  wait(5000);
  EXPECT_EQ(send(), 0U);
  EXPECT_EQ(heard_ms(), 30);
  EXPECT_TRUE(playout_.playing(now_));
  playout_.resume(now_);
  EXPECT_EQ(heard_ms(), 30);
  wait(10);

  EXPECT_EQ(heard_ms(), 40);
  EXPECT_EQ(send(), 20U);
  EXPECT_EQ(playout_.counters().underruns, 0U);
}

TEST_F(PlayoutTest, PausingTwiceAndResumingTwiceChangesNothing) {
  push(400, true);
  send();
  wait(10);
  playout_.pause(now_);
  wait(10);
  playout_.pause(now_);
  wait(10);
  playout_.resume(now_);
  wait(10);
  playout_.resume(now_);

  EXPECT_EQ(heard_ms(), 20);
}

TEST_F(PlayoutTest, WhatComesDuringAPauseWaitsForItsEnd) {
  playout_.pause(now_);
  push(40, true);
  EXPECT_EQ(send(), 0U);
  EXPECT_FALSE(playout_.next(now_).has_value());

  playout_.resume(now_);

  EXPECT_EQ(send(), 40U);
}

TEST_F(PlayoutTest, APauseInADryStretchEndsTheSilenceThatCounts) {
  push(40, false);
  send();
  wait(60);
  (void)playout_.due(now_);

  playout_.pause(now_);
  wait(1000);
  playout_.resume(now_);
  push(40, true);
  send();

  EXPECT_EQ(playout_.counters().underruns, 1U);
  EXPECT_EQ(playout_.counters().inserted_silence, milliseconds{20});
}

TEST_F(PlayoutTest, AFlushTellsWhatWasPlayedAndWhatWasNot) {
  const std::int64_t start = push(400, true);
  send();
  wait(30);
  send();

  const Flushed flushed = playout_.flush(now_);

  EXPECT_EQ(flushed.heard - start, 30 * 16);
  EXPECT_EQ(flushed.unplayed, 370 * 16);
  EXPECT_EQ(playout_.played(start, now_), milliseconds{30});
  EXPECT_FALSE(playout_.playing(now_));
  wait(100);
  EXPECT_EQ(playout_.played(start, now_), milliseconds{30});
  EXPECT_EQ(push(40, true), 30 * 16);
  EXPECT_EQ(send(), 40U);
  EXPECT_EQ(playout_.counters().underruns, 0U);
}

TEST_F(PlayoutTest, AFlushWhilePausedCountsFromWhereItStopped) {
  const std::int64_t start = push(400, true);
  send();
  wait(25);
  playout_.pause(now_);
  wait(400);

  (void)playout_.flush(now_);

  EXPECT_EQ(playout_.played(start, now_), milliseconds{25});
  EXPECT_FALSE(playout_.paused());
}

TEST_F(PlayoutTest, AFlushOfNothingIsNothing) {
  const Flushed flushed = playout_.flush(now_);

  EXPECT_EQ(flushed.unplayed, 0);
  EXPECT_EQ(playout_.next(now_), std::nullopt);
}

TEST_F(PlayoutTest, PlayedIsNothingForAReplyTheEarHasNotReached) {
  push(100, true);
  const std::int64_t second = push(100, true);
  send();
  wait(20);

  EXPECT_EQ(playout_.played(second, now_), MediaTime{0});
}

// At a rate that does not divide a second: next() is exact, everything leaves once, the ear never
// goes back, and never passes what has left.
TEST(PlayoutProperty, NextIsExactAndPositionsOnlyGrow) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    base::Rng rng(seed);
    Playout playout({.rate_hz = rng.below(2) == 0 ? 44'100 : 22'050});
    base::Instant now{};
    std::int64_t taken = 0;
    std::int64_t left = 0;
    std::int64_t ear = 0;
    for (int i = 0; i < 1500; ++i) {
      const std::uint64_t what = rng.below(20);
      if (what < 4) {
        const auto frames = static_cast<std::uint32_t>(rng.below(3000));
        ASSERT_EQ(playout.push(frames, rng.below(3) == 0, now), taken);
        taken += frames;
      } else if (what == 4) {
        playout.pause(now);
      } else if (what < 7) {
        playout.resume(now);
      } else if (what == 7 && rng.below(4) == 0) {
        const Flushed flushed = playout.flush(now);
        ASSERT_EQ(flushed.heard + flushed.unplayed, taken);
        taken = left = flushed.heard;
      } else if (const auto next = playout.next(now)) {
        if (*next > now) {
          ASSERT_EQ(playout.due(*next - base::Duration{1}), 0U);
          now = *next;
        }
        const std::uint32_t due = playout.due(now);
        ASSERT_GT(due, 0U);
        playout.sent(due, now);
        left += due;
      } else {
        now = now + base::Duration{static_cast<std::int64_t>(rng.below(50'000'000))};
      }
      ASSERT_LE(left, taken);
      ASSERT_GE(playout.heard(now), ear);
      ASSERT_LE(playout.heard(now), left);
      ear = playout.heard(now);
    }
  }
}

}  // namespace
}  // namespace millrace::policy
