#include "millrace/policy/cost_curve.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>

#include "millrace/base/rng.hpp"
#include "millrace/rt/guard.hpp"

namespace millrace::policy {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;

base::Duration line(double fixed_ms, double each_ms, std::uint32_t batch) {
  return std::chrono::duration_cast<base::Duration>(
      std::chrono::duration<double, std::milli>(fixed_ms + each_ms * batch));
}

TEST(CostCurve, KnowsNothingBeforeTheFirstRun) {
  const CostCurve curve;

  EXPECT_EQ(curve.cost(4).count(), 0);
  EXPECT_FALSE(curve.identified());
  EXPECT_EQ(curve.avg_processing_us(), 0.0);
}

TEST(CostCurve, FindsBothPartsFromRunsOfDifferentSizes) {
  CostCurve curve;
  for (const std::uint32_t batch : {1U, 3U, 8U, 2U, 5U}) curve.observe(batch, line(30, 10, batch));

  EXPECT_TRUE(curve.identified());
  EXPECT_NEAR(curve.fixed_us(), 30'000, 1);
  EXPECT_NEAR(curve.per_input_us(), 10'000, 1);
  EXPECT_NEAR(static_cast<double>(curve.cost(8).count()), 110e6, 1e3);
}

TEST(CostCurve, OfOneSizeIsNeverLessThanSeenAndGrowsInProportion) {
  CostCurve curve;
  for (int i = 0; i < 20; ++i) curve.observe(4, milliseconds{80});

  EXPECT_FALSE(curve.identified());
  EXPECT_EQ(std::chrono::round<microseconds>(curve.cost(1)), milliseconds{80});
  EXPECT_EQ(std::chrono::round<microseconds>(curve.cost(4)), milliseconds{80});
  EXPECT_EQ(std::chrono::round<microseconds>(curve.cost(8)), milliseconds{160});
}

TEST(CostCurve, KeepsItsSlopeWhenAllRunsBecomeOfOneSize) {
  CostCurve curve;
  curve.observe(1, line(40, 3, 1));
  for (int i = 0; i < 5000; ++i) curve.observe(8, line(40, 3, 8));

  EXPECT_TRUE(curve.identified());
  EXPECT_NEAR(curve.per_input_us(), 3'000, 30);
  EXPECT_NEAR(static_cast<double>(curve.cost(8).count()), 64e6, 1e5);
}

TEST(CostCurve, BelievesANodeThatBecameSlower) {
  CostCurve curve;
  for (std::uint32_t i = 0; i < 50; ++i) curve.observe(1 + i % 4, line(10, 2, 1 + i % 4));
  for (std::uint32_t i = 0; i < 60; ++i) curve.observe(1 + i % 4, line(30, 6, 1 + i % 4));

  EXPECT_NEAR(curve.fixed_us(), 30'000, 300);
  EXPECT_NEAR(curve.per_input_us(), 6'000, 100);
}

TEST(CostCurve, IsNeverNegativeWhateverTheRunsSay) {
  CostCurve falling;
  falling.observe(1, milliseconds{50});
  falling.observe(8, milliseconds{10});
  CostCurve steep;
  steep.observe(4, milliseconds{1});
  steep.observe(8, milliseconds{100});

  EXPECT_EQ(falling.per_input_us(), 0.0);
  EXPECT_GT(falling.fixed_us(), 0.0);
  EXPECT_EQ(steep.fixed_us(), 0.0);
  EXPECT_GT(steep.per_input_us(), 0.0);
}

TEST(CostCurve, TheAverageMovesByATenth) {
  CostCurve curve;
  curve.observe(1, milliseconds{10});
  curve.observe(1, milliseconds{20});

  EXPECT_NEAR(curve.avg_processing_us(), 11'000, 1e-6);
}

TEST(CostCurve, TheDeclaredAverageCountsUntilTheFirstRun) {
  CostCurve curve;
  curve.declare_average(milliseconds{25});
  EXPECT_EQ(std::chrono::round<microseconds>(curve.cost(1)), milliseconds{25});
  curve.observe(1, milliseconds{5});
  curve.declare_average(milliseconds{25});

  EXPECT_NEAR(curve.avg_processing_us(), 5'000, 1e-6);
  EXPECT_EQ(std::chrono::round<microseconds>(curve.cost(1)), milliseconds{5});
}

TEST(CostCurve, ClampsAndIgnoresWhatCannotBe) {
  CostCurve curve;
  curve.observe(0, milliseconds{10});
  EXPECT_EQ(curve.runs(), 0U);
  curve.observe(1, milliseconds{-10});
  EXPECT_EQ(curve.cost(1).count(), 0);
  curve.observe(2, hours{1'000'000});

  EXPECT_LE(curve.cost(2), CostCurve::kLongestRun);
  EXPECT_GE(curve.cost(0xFFFFFFFF).count(), 0);
}

TEST(CostCurve, StaysFiniteOverAMillionOddRuns) {
  CostCurve curve;
  base::Rng rng(7);
  for (int i = 0; i < 1'000'000; ++i) {
    const auto batch = static_cast<std::uint32_t>(rng.below(i % 1000 < 500 ? 1000 : 2));
    curve.observe(batch, base::Duration{static_cast<std::int64_t>(rng.next() >> (rng.below(60)))});
    ASSERT_TRUE(std::isfinite(curve.fixed_us()) && std::isfinite(curve.per_input_us()));
    ASSERT_GE(curve.fixed_us(), 0.0);
    ASSERT_GE(curve.per_input_us(), 0.0);
  }
}

TEST(CostCurve, NeverAllocates) {
  CostCurve curve;

  const auto breaches = rt::breaches_in([&] {
    for (std::uint32_t i = 1; i < 100; ++i) curve.observe(i % 9, milliseconds{i});
  });

  EXPECT_EQ(breaches, 0U);
}

}  // namespace
}  // namespace millrace::policy
