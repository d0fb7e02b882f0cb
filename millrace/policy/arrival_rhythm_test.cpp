#include "millrace/policy/arrival_rhythm.hpp"

#include <gtest/gtest.h>

namespace millrace::policy {
namespace {

using std::chrono::milliseconds;

constexpr base::Duration kWindow = milliseconds{5};

base::Instant at(std::int64_t ms) {
  return {milliseconds{ms}};
}

TEST(ArrivalRhythm, ALoneArrivalAndAPairAreNoBurst) {
  ArrivalRhythm rhythm;
  rhythm.arrived(at(0));
  EXPECT_FALSE(rhythm.burst(at(0), kWindow));
  rhythm.arrived(at(2));

  EXPECT_FALSE(rhythm.burst(at(2), kWindow));
}

TEST(ArrivalRhythm, TwoShortGapsAreOneUntilTheNextIsOverdue) {
  ArrivalRhythm rhythm;
  for (const std::int64_t ms : {100, 102, 104}) rhythm.arrived(at(ms));

  EXPECT_TRUE(rhythm.burst(at(104), kWindow));
  EXPECT_TRUE(rhythm.burst(at(107), kWindow));
  EXPECT_FALSE(rhythm.burst(at(108), kWindow));
  EXPECT_EQ(rhythm.over_at(kWindow), at(108));
  EXPECT_EQ(rhythm.gap(), milliseconds{2});
}

TEST(ArrivalRhythm, AGapOverTheWindowEndsIt) {
  ArrivalRhythm rhythm;
  for (const std::int64_t ms : {0, 2, 4, 10}) rhythm.arrived(at(ms));

  EXPECT_FALSE(rhythm.burst(at(10), kWindow));
}

TEST(ArrivalRhythm, TheLoadIsTheCostOfAnArrivalOverTheMeanGap) {
  ArrivalRhythm rhythm;
  EXPECT_EQ(rhythm.load(1000.0), 1.0) << "unknown: as if it were full";
  for (std::int64_t i = 0; i < 50; ++i) rhythm.arrived(at(10 * i));

  EXPECT_NEAR(rhythm.load(5000.0), 0.5, 1e-9);
  EXPECT_EQ(rhythm.load(20'000.0), 1.0);
}

}  // namespace
}  // namespace millrace::policy
