#include "apps/millrace/bench/batching_curve.hpp"

#include <gtest/gtest.h>

#include <map>

namespace millrace::app {
namespace {

std::vector<CurvePoint> line(double fixed, double each) {
  std::vector<CurvePoint> points;
  for (const std::uint32_t b : {1U, 2U, 4U, 8U})
    points.push_back({.batch = b, .least_ms = fixed + each * b, .median_ms = 99.0});
  return points;
}

TEST(BatchingCurve, FindsTheTwoNumbersOfALine) {
  const CurveFit fit = fit_curve(line(30.0, 10.0));

  EXPECT_NEAR(fit.fixed_ms, 30.0, 1e-9);
  EXPECT_NEAR(fit.each_ms, 10.0, 1e-9);
  EXPECT_NEAR(fit.bound(8), 40.0 / 13.75, 1e-9);
  EXPECT_NEAR(fit.bound(1), 1.0, 1e-9);
}

TEST(BatchingCurve, LaysTheLineBetweenPointsThatAreNotOnOne) {
  const std::vector<CurvePoint> points{{1, 10.0, 0.0}, {2, 20.0, 0.0}, {3, 15.0, 0.0}};

  const CurveFit fit = fit_curve(points);

  EXPECT_NEAR(fit.each_ms, 2.5, 1e-9);
  EXPECT_NEAR(fit.fixed_ms, 10.0, 1e-9);
}

TEST(BatchingCurve, SaysThatNothingCanBeGainedWhereNothingIsFixed) {
  EXPECT_NEAR(fit_curve(line(0.0, 20.0)).bound(8), 1.0, 1e-9);
  EXPECT_NEAR(fit_curve(line(-3.0, 20.0)).bound(8), 1.0, 1e-9) << "noise gains nothing either";
  EXPECT_EQ(CurveFit{}.bound(8), 1.0);
}

TEST(BatchingCurve, KnowsOnlyAPriceFromOneSizeAndNothingFromNone) {
  const std::vector<CurvePoint> one{{4, 20.0, 20.0}};

  EXPECT_NEAR(fit_curve(one).each_ms, 5.0, 1e-9);
  EXPECT_EQ(fit_curve(one).fixed_ms, 0.0);
  EXPECT_EQ(fit_curve({}).each_ms, 0.0);
}

TEST(BatchingCurve, TellsWhatABatchGainedWithoutTheLine) {
  EngineCurve curve;
  curve.points = line(30.0, 10.0);

  EXPECT_NEAR(curve.measured_gain(8).value(), 8 * 40.0 / 110.0, 1e-9);
  EXPECT_FALSE(curve.measured_gain(16)) << "not measured";
  EXPECT_FALSE(EngineCurve{}.measured_gain(8));
}

TEST(BatchingCurve, MeasuresEverySizeOnAllInputsAndNotTheFirstRun) {
  base::VirtualClock clock;
  std::map<std::size_t, std::size_t> inputs_by_size;
  std::size_t calls = 0;

  const auto curve =
      measure_curve(16, 3, clock, [&](std::size_t first, std::size_t count) -> base::Result<void> {
        EXPECT_LE(first + count, 16U);
        inputs_by_size[count] += count;
        // The first run, of 16 + 8 + 4 + 2 calls, finds the machine cold.
        const std::int64_t slow = calls++ < 30 ? 10 : 1;
        const auto b = static_cast<std::int64_t>(count);
        clock.advance_to(clock.now() + slow * std::chrono::milliseconds(30 + 10 * b));
        return {};
      });

  ASSERT_TRUE(curve);
  for (const std::size_t size : {1U, 2U, 4U, 8U}) EXPECT_EQ(inputs_by_size[size], 4U * 16U);
  EXPECT_NEAR(curve->fit.fixed_ms, 30.0, 1e-6);
  EXPECT_NEAR(curve->fit.each_ms, 10.0, 1e-6);
  EXPECT_NEAR(curve->points.back().median_ms, 110.0, 1e-6);
  EXPECT_EQ(curve->inputs, 16U);
  EXPECT_EQ(curve->runs, 3U);
}

TEST(BatchingCurve, EndsWithTheErrorOfACall) {
  const base::VirtualClock clock;

  const auto curve = measure_curve(8, 1, clock, [](std::size_t, std::size_t) -> base::Result<void> {
    return base::fail(base::Code::internal, "out of breath");
  });

  ASSERT_FALSE(curve);
  EXPECT_EQ(curve.error().message, "out of breath");
}

TEST(BatchingCurve, HasSixteenShortPrompts) {
  const auto prompts = digit_prompts();

  ASSERT_TRUE(prompts) << prompts.error().text();
  ASSERT_EQ(prompts->size(), 16U);
  for (const DigitPrompt& prompt : *prompts) {
    EXPECT_GT(prompt.samples.size(), 16'000U / 4) << prompt.name;
    EXPECT_LT(prompt.samples.size(), 16'000U * 2) << prompt.name;
  }
}

}  // namespace
}  // namespace millrace::app
