#include "apps/millrace/bench/batching.hpp"

#include <gtest/gtest.h>

#include "apps/millrace/bench/batching_report.hpp"

namespace millrace::app {
namespace {

BatchingOptions quick(std::size_t requests = 150) {
  return {.requests = requests, .seeds = 1, .max_batch = 8, .json = true};
}

/// Long enough for the goals, made once.
const BatchingStudy& study() {
  static const BatchingStudy kStudy = study_batching(quick(1000), [](double) {});
  return kStudy;
}

TEST(BatchingStudy, HasARowForEveryPolicyMachineAndTrace) {
  EXPECT_EQ(study().rows.size(), 11U * 3U * 4U);
  for (const BatchingRow& row : study().rows) EXPECT_EQ(row.cells.size(), kBatchLoads.size());
  EXPECT_EQ(study().machines.size(), 3U);
}

TEST(BatchingStudy, IsTheSameBitForBitEachTime) {
  const auto once = batching_figures(study_batching(quick(), [](double) {}), std::nullopt).dump();
  const auto again = batching_figures(study_batching(quick(), [](double) {}), std::nullopt).dump();

  EXPECT_EQ(once, again);
}

TEST(BatchingStudy, TellsHowFarItIs) {
  double last = 0.0;
  (void)study_batching(quick(100), [&](double done) {
    EXPECT_GT(done, last);
    last = done;
  });

  EXPECT_DOUBLE_EQ(last, 1.0);
}

TEST(BatchingStudy, OursReachesTheBoundAtSaturation) {
  for (const BatchingMachine& machine : study().machines)
    EXPECT_GE(machine.reach.front().gain, 0.95 * machine.bound) << machine.cost.name;
}

TEST(BatchingStudy, OursSustainsAtLeastWhatTheOthersDoWithoutKnowingTheCost) {
  for (const BatchingMachine& machine : study().machines) {
    for (const BatchingReach& reach : machine.reach) {
      if (reach.policy == "earliest_deadline") continue;
      EXPECT_GE(machine.reach.front().sustained_per_s, 0.98 * reach.sustained_per_s)
          << reach.policy << " on " << machine.cost.name;
    }
  }
}

TEST(BatchingStudy, ANormalSessionKeepsItsShareBesideAFlood) {
  for (const BatchingMachine& machine : study().machines) {
    for (const BatchingFairness& fairness : machine.fairness) {
      if (fairness.flood_load > 1.0 || fairness.normal_load > 0.5) continue;
      EXPECT_GE(fairness.mean, 0.95) << machine.cost.name << " " << fairness.normal_load;
    }
  }
}

TEST(BatchingStudy, WaitsForNothingAtLowLoad) {
  for (const BatchCost& cost : kBatchCosts) {
    const auto ours = row_of(study(), kOurs, cost.name, "poisson").cells.front().p50_ms;
    const auto unbatched = row_of(study(), kUnbatched, cost.name, "poisson").cells.front().p50_ms;
    ASSERT_TRUE(ours && unbatched);

    EXPECT_LE(*ours, 1.02 * *unbatched) << cost.name;
  }
}

TEST(BatchingStudy, NoFixedWaitIsMuchBetter) {
  EXPECT_LE(best_fixed_wait_advantage(study()), 0.04) << "one short trace; the bench takes more";
}

}  // namespace
}  // namespace millrace::app
