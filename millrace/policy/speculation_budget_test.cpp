#include "millrace/policy/speculation_budget.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <deque>

#include "millrace/base/rng.hpp"

namespace millrace::policy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

base::Instant at(base::Duration since_start) {
  return {since_start};
}

TEST(SpeculationBudget, AllowsSoManyTurnsAMinuteAndNoMore) {
  SpeculationBudget budget({.max_turns_per_minute = 3, .max_wasted_ms_per_minute = 1000});

  for (int i = 0; i < 3; ++i) EXPECT_TRUE(budget.try_start(at(seconds{i})));

  EXPECT_FALSE(budget.try_start(at(seconds{3})));
  EXPECT_EQ(budget.counters().started, 3U);
  EXPECT_EQ(budget.counters().refused, 1U);
  EXPECT_EQ(budget.turns_in_minute(at(seconds{3})), 3U);
}

TEST(SpeculationBudget, AllowsAgainWhenTheMinuteHasMovedOn) {
  SpeculationBudget budget({.max_turns_per_minute = 1, .max_wasted_ms_per_minute = 1000});
  ASSERT_TRUE(budget.try_start(at(milliseconds{500})));

  EXPECT_FALSE(budget.try_start(at(milliseconds{60'499})));
  EXPECT_TRUE(budget.try_start(at(milliseconds{61'000})));
}

TEST(SpeculationBudget, PausesOnWastedComputeAndSaysSoOnce) {
  SpeculationBudget budget({.max_turns_per_minute = 100, .max_wasted_ms_per_minute = 50});
  budget.withdrawn(at(seconds{1}), milliseconds{49});
  EXPECT_EQ(budget.update(at(seconds{1})), BudgetChange::none);

  budget.withdrawn(at(seconds{2}), milliseconds{1});

  EXPECT_EQ(budget.update(at(seconds{2})), BudgetChange::paused);
  EXPECT_EQ(budget.update(at(seconds{2})), BudgetChange::none);
  EXPECT_TRUE(budget.paused());
  EXPECT_FALSE(budget.try_start(at(seconds{3})));
  EXPECT_EQ(budget.wasted_in_minute(at(seconds{3})), milliseconds{50});
}

TEST(SpeculationBudget, ResumesWhenEnoughHasGrownOld) {
  SpeculationBudget budget({.max_turns_per_minute = 100, .max_wasted_ms_per_minute = 50});
  budget.withdrawn(at(seconds{1}), milliseconds{30});
  budget.withdrawn(at(seconds{20}), milliseconds{30});
  ASSERT_EQ(budget.update(at(seconds{20})), BudgetChange::paused);

  EXPECT_EQ(budget.update(at(seconds{61})), BudgetChange::none);
  EXPECT_EQ(budget.update(at(seconds{62})), BudgetChange::resumed);

  EXPECT_EQ(budget.wasted_in_minute(at(seconds{62})), milliseconds{30});
  EXPECT_TRUE(budget.try_start(at(seconds{62})));
  EXPECT_EQ(budget.counters().pauses, 1U);
}

TEST(SpeculationBudget, NothingForbidsAndUnlimitedNeverPauses) {
  SpeculationBudget none({.max_turns_per_minute = 0, .max_wasted_ms_per_minute = 1});
  SpeculationBudget unlimited({.max_turns_per_minute = BudgetParams::kUnlimited,
                               .max_wasted_ms_per_minute = BudgetParams::kUnlimited});

  EXPECT_FALSE(none.try_start(at(seconds{0})));
  EXPECT_EQ(none.update(at(seconds{0})), BudgetChange::paused);
  for (int i = 0; i < 10'000; ++i) ASSERT_TRUE(unlimited.try_start(at(seconds{0})));
  unlimited.withdrawn(at(seconds{0}), seconds{86'400});
  EXPECT_EQ(unlimited.update(at(seconds{0})), BudgetChange::none);
}

TEST(SpeculationBudget, CountsWhatBecameOfItsSpeculations) {
  SpeculationBudget budget({});
  budget.accepted();
  budget.withdrawn(at(seconds{1}), milliseconds{7});
  budget.withdrawn(at(seconds{1}), base::Duration{-5});

  EXPECT_EQ(budget.counters().accepted, 1U);
  EXPECT_EQ(budget.counters().withdrawn, 2U);
  EXPECT_EQ(budget.counters().wasted_us, 7000U);
}

TEST(SpeculationBudget, ALongSilenceEmptiesItAtOnce) {
  SpeculationBudget budget({.max_turns_per_minute = 1, .max_wasted_ms_per_minute = 1});
  ASSERT_TRUE(budget.try_start(at(seconds{5})));
  budget.withdrawn(at(seconds{5}), seconds{9});

  EXPECT_TRUE(budget.try_start(at(seconds{1'000'000})));
  EXPECT_EQ(budget.wasted_in_minute(at(seconds{1'000'000})), seconds{0});
}

TEST(SpeculationBudgetProperty, HoldsItsBoundInEveryMinute) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    base::Rng rng(seed);
    const auto bound = static_cast<std::uint32_t>(1 + rng.below(20));
    SpeculationBudget budget({.max_turns_per_minute = bound, .max_wasted_ms_per_minute = 1});
    std::deque<base::Instant> started;
    base::Instant now{};
    for (int i = 0; i < 3000; ++i) {
      now = now + milliseconds{rng.below(4000)};
      if (!budget.try_start(now)) continue;
      started.push_back(now);
      while (now - started.front() >= seconds{60}) started.pop_front();
      ASSERT_LE(started.size(), bound);
    }
  }
}

}  // namespace
}  // namespace millrace::policy
