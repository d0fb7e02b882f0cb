#include "millrace/metrics/learned_cost.hpp"

#include <gtest/gtest.h>

#include "millrace/metrics/node_stats.hpp"

namespace millrace::metrics {
namespace {

using std::chrono::microseconds;

TEST(MovingAverage, TakesTheFirstValueWholeAndATenthOfEachLaterOne) {
  MovingAverage average;
  EXPECT_EQ(average.value(), 0.0);

  average.add(1000.0);
  EXPECT_DOUBLE_EQ(average.value(), 1000.0);

  average.add(2000.0);
  EXPECT_DOUBLE_EQ(average.value(), 1100.0);
}

TEST(MovingAverage, BelievesWhatIsDeclaredUntilTheFirstValue) {
  MovingAverage average;

  average.declare(500.0);
  EXPECT_DOUBLE_EQ(average.value(), 500.0);
  average.add(100.0);
  EXPECT_DOUBLE_EQ(average.value(), 100.0);
  average.declare(500.0);

  EXPECT_DOUBLE_EQ(average.value(), 100.0);
}

TEST(MovingAverage, FollowsAChangeWithinAboutTenValues) {
  MovingAverage average;
  average.add(100.0);

  for (int i = 0; i < 22; ++i) average.add(200.0);

  EXPECT_NEAR(average.value(), 200.0, 10.0);
}

TEST(PublishedCost, IsReadAsItWasPublished) {
  PublishedCost cost;
  EXPECT_EQ(cost.value().runs, 0U);

  cost.publish({.runs = 7, .identified = true, .fixed_us = 40'000.0, .per_input_us = 3'000.0});

  EXPECT_EQ(cost.value().runs, 7U);
  EXPECT_TRUE(cost.value().identified);
  EXPECT_EQ(cost.value().fixed_us, 40'000.0);
  EXPECT_EQ(cost.value().per_input_us, 3'000.0);
}

TEST(NodeStats, ShareTheTimeOfSeveralCallsAmongThem) {
  NodeStats stats;

  stats.record_calls(4, microseconds(200));
  stats.record_calls(1, microseconds(150));

  EXPECT_EQ(stats.calls(), 5U);
  EXPECT_DOUBLE_EQ(stats.avg_processing_us(), 60.0);
}

TEST(NodeStats, LearnNothingFromNoCallAndNothingNegativeFromAClockThatWentBack) {
  NodeStats stats;
  stats.declare_average(microseconds(900));

  stats.record_calls(0, microseconds(50));
  EXPECT_EQ(stats.calls(), 0U);
  EXPECT_DOUBLE_EQ(stats.avg_processing_us(), 900.0);
  stats.record_calls(1, microseconds(-50));

  EXPECT_DOUBLE_EQ(stats.avg_processing_us(), 0.0);
}

}  // namespace
}  // namespace millrace::metrics
