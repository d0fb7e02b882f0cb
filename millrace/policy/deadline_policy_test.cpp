#include "millrace/policy/deadline_policy.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <vector>

#include "millrace/base/rng.hpp"
#include "millrace/rt/guard.hpp"

namespace millrace::policy {
namespace {

using std::chrono::milliseconds;

constexpr std::array<GiveUp, 5> kAll{GiveUp::flush_batch, GiveUp::smaller_first_chunk,
                                     GiveUp::lower_quality, GiveUp::skip_optional, GiveUp::drop};

DeadlineOutlook outlook(int deadline, int queue, int gather, int cost) {
  return {.now = {milliseconds{1000}},
          .deadline = {milliseconds{1000 + deadline}},
          .queue = milliseconds{queue},
          .gather = milliseconds{gather},
          .cost = milliseconds{cost}};
}

std::vector<GiveUp> actions(const DeadlineVerdict& verdict) {
  return {verdict.actions.begin(), verdict.actions.end()};
}

TEST(DeadlinePolicy, GivesNothingUpForWorkThatWillBeInTime) {
  const DeadlineVerdict verdict = DeadlinePolicy(kAll).judge(outlook(100, 20, 30, 50), false);

  EXPECT_TRUE(verdict.in_time);
  EXPECT_FALSE(verdict.warn);
  EXPECT_TRUE(verdict.actions.empty());
  EXPECT_EQ(verdict.expected, base::Instant{milliseconds{1100}});
}

TEST(DeadlinePolicy, GivesUpInTheGivenOrderAndAsLittleAsIsEnough) {
  const DeadlinePolicy policy(kAll);

  EXPECT_EQ(actions(policy.judge(outlook(75, 20, 30, 50), false)),
            std::vector{GiveUp::flush_batch});
  EXPECT_EQ(actions(policy.judge(outlook(45, 20, 30, 50), false)),
            (std::vector{GiveUp::flush_batch, GiveUp::smaller_first_chunk}));
  EXPECT_EQ(actions(policy.judge(outlook(33, 20, 30, 50), false)),
            (std::vector{GiveUp::flush_batch, GiveUp::smaller_first_chunk, GiveUp::lower_quality}));
}

TEST(DeadlinePolicy, KeepsToAnotherOrderOfTheManifest) {
  const DeadlinePolicy policy(std::array{GiveUp::lower_quality, GiveUp::flush_batch});

  EXPECT_EQ(actions(policy.judge(outlook(80, 20, 30, 50), false)),
            std::vector{GiveUp::lower_quality});
}

TEST(DeadlinePolicy, DropsOnlyWhenAllElseIsNotEnough) {
  const DeadlinePolicy policy(std::array{GiveUp::drop, GiveUp::lower_quality});

  EXPECT_EQ(actions(policy.judge(outlook(50, 20, 0, 50), false)),
            std::vector{GiveUp::lower_quality})
      << "drop is listed first, and still comes last";
  const DeadlineVerdict hopeless = policy.judge(outlook(30, 20, 0, 50), false);
  EXPECT_EQ(actions(hopeless), std::vector{GiveUp::drop});
  EXPECT_FALSE(hopeless.in_time);
}

TEST(DeadlinePolicy, ADeadlineThatHasPassedIsDroppedOrGivesUpAllItMay) {
  EXPECT_EQ(actions(DeadlinePolicy(kAll).judge(outlook(-10, 0, 0, 5), false)),
            std::vector{GiveUp::drop});
  const DeadlinePolicy without(std::array{GiveUp::flush_batch, GiveUp::skip_optional});
  EXPECT_EQ(actions(without.judge(outlook(-10, 0, 10, 5), false)),
            (std::vector{GiveUp::flush_batch, GiveUp::skip_optional}));
}

TEST(DeadlinePolicy, WarnsOnceAndAlsoWhenWhatIsGivenUpSavesIt) {
  const DeadlinePolicy policy(kAll);

  EXPECT_TRUE(policy.judge(outlook(75, 20, 30, 50), false).warn);
  EXPECT_TRUE(policy.judge(outlook(75, 20, 30, 50), false).in_time);
  EXPECT_FALSE(policy.judge(outlook(75, 20, 30, 50), true).warn);
}

TEST(DeadlinePolicy, WithoutAListItOnlyWarns) {
  const DeadlineVerdict verdict = DeadlinePolicy({}).judge(outlook(10, 20, 30, 50), false);

  EXPECT_TRUE(verdict.warn);
  EXPECT_TRUE(verdict.actions.empty());
  EXPECT_FALSE(verdict.in_time);
}

TEST(DeadlinePolicy, LearnsWhatAnActionSaves) {
  DeadlinePolicy policy(kAll);
  policy.observe(GiveUp::lower_quality, milliseconds{100}, milliseconds{80});
  EXPECT_NEAR(policy.remains(GiveUp::lower_quality), 0.8, 1e-9);
  policy.observe(GiveUp::lower_quality, milliseconds{100}, milliseconds{70});
  EXPECT_NEAR(policy.remains(GiveUp::lower_quality), 0.79, 1e-9);
  policy.observe(GiveUp::lower_quality, milliseconds{0}, milliseconds{70});
  policy.observe(GiveUp::drop, milliseconds{100}, milliseconds{70});

  EXPECT_NEAR(policy.remains(GiveUp::lower_quality), 0.79, 1e-9);
  EXPECT_EQ(policy.remains(GiveUp::drop), 0.0);
}

TEST(DeadlinePolicy, LeavesOutAnActionThatWasSeenToSaveNothing) {
  DeadlinePolicy policy(std::array{GiveUp::lower_quality, GiveUp::skip_optional});
  policy.observe(GiveUp::lower_quality, milliseconds{100}, milliseconds{130});

  EXPECT_EQ(actions(policy.judge(outlook(60, 0, 0, 100), false)),
            std::vector{GiveUp::skip_optional});
}

TEST(DeadlinePolicy, CountsEachActionThatWasTaken) {
  DeadlinePolicy policy(kAll);
  policy.taken(policy.judge(outlook(45, 20, 30, 50), false));
  policy.taken(policy.judge(outlook(75, 20, 30, 50), true));

  EXPECT_EQ(policy.count(GiveUp::flush_batch), 2U);
  EXPECT_EQ(policy.count(GiveUp::smaller_first_chunk), 1U);
  EXPECT_EQ(policy.count(GiveUp::drop), 0U);
  EXPECT_EQ(policy.warnings(), 1U);
}

TEST(DeadlinePolicy, CountsAnActionListedTwiceOnce) {
  const DeadlinePolicy policy(std::array{GiveUp::flush_batch, GiveUp::flush_batch, GiveUp::drop,
                                         GiveUp::drop, GiveUp::flush_batch, GiveUp::drop});

  EXPECT_EQ(actions(policy.judge(outlook(60, 20, 30, 40), false)),
            std::vector{GiveUp::flush_batch});
}

TEST(DeadlinePolicy, SeveralPressuresAtOnceAreJudgedEachOnItsOwnAndAlwaysAlike) {
  const DeadlinePolicy policy(kAll);
  base::Rng rng(11);
  for (int i = 0; i < 2000; ++i) {
    const auto pick = [&](std::uint64_t bound) { return static_cast<int>(rng.below(bound)); };
    const DeadlineOutlook one = outlook(pick(200) - 50, pick(100), pick(50), pick(100));
    const DeadlineVerdict first = policy.judge(one, false);
    (void)policy.judge(outlook(pick(200), pick(100), pick(50), pick(100)), false);
    const DeadlineVerdict again = policy.judge(one, false);

    ASSERT_TRUE(first.actions == again.actions && first.expected == again.expected);
    ASSERT_EQ(first.in_time, first.expected <= one.deadline);
    const bool drops = std::count(first.actions.begin(), first.actions.end(), GiveUp::drop) > 0;
    ASSERT_EQ(drops, !first.in_time);
  }
}

TEST(DeadlinePolicy, EveryActionHasTheWordOfTheManifest) {
  EXPECT_EQ(name(GiveUp::flush_batch), "flush_batch");
  EXPECT_EQ(name(GiveUp::smaller_first_chunk), "smaller_first_chunk");
  EXPECT_EQ(name(GiveUp::lower_quality), "lower_quality");
  EXPECT_EQ(name(GiveUp::skip_optional), "skip_optional");
  EXPECT_EQ(name(GiveUp::drop), "drop");
}

TEST(DeadlinePolicy, NeverAllocates) {
  DeadlinePolicy policy(kAll);

  const auto breaches = rt::breaches_in([&] {
    policy.taken(policy.judge(outlook(45, 20, 30, 50), false));
    policy.observe(GiveUp::lower_quality, milliseconds{100}, milliseconds{80});
  });

  EXPECT_EQ(breaches, 0U);
}

}  // namespace
}  // namespace millrace::policy
