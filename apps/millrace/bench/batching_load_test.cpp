#include "apps/millrace/bench/batching_load.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace millrace::app {
namespace {

using std::chrono::milliseconds;

constexpr double kNever = std::numeric_limits<double>::infinity();

TEST(BatchingLoad, PlansRequestsThatKnowNothingOfEachOther) {
  const auto at = poisson_schedule(50.0, 100.0, 7);

  EXPECT_NEAR(static_cast<double>(at.size()), 5000.0, 5 * std::sqrt(5000.0));
  EXPECT_TRUE(std::is_sorted(at.begin(), at.end()));
  EXPECT_LT(at.back(), std::chrono::seconds(100));
  // The gaps of a Poisson process spread as far as they are long.
  std::vector<double> gaps;
  for (std::size_t i = 1; i < at.size(); ++i)
    gaps.push_back(std::chrono::duration<double>(at[i] - at[i - 1]).count());
  const double mean =
      std::accumulate(gaps.begin(), gaps.end(), 0.0) / static_cast<double>(gaps.size());
  double square = 0.0;
  for (const double gap : gaps) square += (gap - mean) * (gap - mean);
  EXPECT_NEAR(std::sqrt(square / static_cast<double>(gaps.size())) / mean, 1.0, 0.1);
}

TEST(BatchingLoad, PlansTheSameFromTheSameSeedAndNothingAtNoRate) {
  EXPECT_EQ(poisson_schedule(10.0, 5.0, 1), poisson_schedule(10.0, 5.0, 1));
  EXPECT_NE(poisson_schedule(10.0, 5.0, 1), poisson_schedule(10.0, 5.0, 2));
  EXPECT_TRUE(poisson_schedule(0.0, 5.0, 1).empty());
  EXPECT_TRUE(poisson_schedule(10.0, 0.0, 1).empty());
}

TEST(BatchingLoad, ClosesInOnTheHighestRateThatIsKept) {
  RateSearch search(20.0, 44.0, 300.0);
  for (int step = 0; step < 8; ++step) {
    const double rate = search.rate();
    // Below 300 ms up to 38.67 a second.
    const double p95 = rate < 40.0 ? 10.0 / (1.0 - rate / 40.0) : kNever;
    EXPECT_EQ(search.came_to(p95), p95 < 300.0);
  }

  const SustainedRate& found = search.found();
  ASSERT_TRUE(found.best);
  EXPECT_LT(found.best->p95_ms, 300.0);
  EXPECT_NEAR(found.best->per_second, 38.67, 24.0 / 256);
  ASSERT_EQ(found.tried.size(), 8U);
  EXPECT_EQ(found.tried.front().per_second, 32.0);
  EXPECT_EQ(found.tried[1].per_second, 38.0);
  EXPECT_EQ(found.tried[2].p95_ms, kNever);
}

TEST(BatchingLoad, SaysWhenNoRateWasKept) {
  RateSearch search(20.0, 40.0, 300.0);
  EXPECT_FALSE(search.found().best);

  for (int step = 0; step < 4; ++step)
    EXPECT_FALSE(search.came_to(300.0)) << "the bound itself is not below the bound";

  EXPECT_FALSE(search.found().best);
  EXPECT_EQ(search.found().tried.back().per_second, 21.25);
}

TEST(BatchingLoad, CountsWholeCallsBetweenTwoInstants) {
  // Calls of four that end at 1, 2, 3, 4 s; told in any order.
  std::vector<double> done;
  for (const double end : {3.0, 1.0, 4.0, 2.0}) done.insert(done.end(), 4, end);

  EXPECT_NEAR(done_per_second(done, 1.5, 3.5).value(), 4.0, 1e-9);
  EXPECT_NEAR(done_per_second(done, 1.0, 4.0).value(), 4.0, 1e-9);
  EXPECT_NEAR(done_per_second(done, 1.9, 3.1).value(), 4.0, 1e-9) << "wherever it is cut";
  EXPECT_FALSE(done_per_second(done, 1.1, 1.9)) << "nothing was done";
  EXPECT_FALSE(done_per_second(done, 0.0, 4.0)) << "no call ended before";
  EXPECT_FALSE(done_per_second({}, 0.0, 4.0));
}

TEST(BatchingLoad, CountsWhatWasNeverDoneAsInfinitelyLate) {
  LoadRecord record;
  record.latency_ms = {10.0, 20.0, 30.0, kNever};
  record.done_s = {1.0, 1.0, 2.0};
  record.calls = 2.0;
  record.cpu_ms = 60.0;

  EXPECT_EQ(record.p(0.5), 20.0);
  EXPECT_EQ(record.p(0.75), 30.0);
  EXPECT_EQ(record.p(0.95), kNever);
  EXPECT_EQ(record.mean_batch(), 1.5);
  EXPECT_EQ(record.cpu_ms_each(), 20.0);
  EXPECT_EQ(LoadRecord{}.cpu_ms_each(), 0.0);
  EXPECT_EQ(LoadRecord{}.p(0.5), kNever);
  EXPECT_EQ(LoadRecord{}.mean_batch(), 0.0);
}

/// The real recogniser: what is asked is answered, whatever it takes.
class RealEngine : public ::testing::TestWithParam<bool> {};

TEST_P(RealEngine, AnswersEveryRequest) {
  const auto prompts = digit_prompts();
  ASSERT_TRUE(prompts) << prompts.error().text();
  auto engine = EngineUnderLoad::start(GetParam(), *prompts);
  ASSERT_TRUE(engine) << engine.error().text();

  const auto open =
      engine->open_loop(std::vector<base::Duration>{milliseconds(0), milliseconds(2)});
  const auto closed = engine->closed_loop(2, 0.001);
  const auto nothing = engine->open_loop({});

  ASSERT_TRUE(open) << open.error().text();
  ASSERT_EQ(open->latency_ms.size(), 2U);
  EXPECT_EQ(open->done_s.size(), 2U);
  for (const double latency : open->latency_ms) {
    EXPECT_GT(latency, 0.0);
    EXPECT_LT(latency, kNever);
  }
  EXPECT_EQ(open->wordless, 0U);
  EXPECT_EQ(open->failures, 0U);
  EXPECT_GE(open->mean_batch(), 1.0);
  EXPECT_GT(open->cpu_ms_each(), 0.0);
  EXPECT_LE(open->mean_batch(), GetParam() ? 2.0 : 1.0);
  ASSERT_TRUE(closed) << closed.error().text();
  EXPECT_GE(closed->done_s.size(), 1U);
  EXPECT_EQ(closed->done_s.size(), closed->latency_ms.size());
  ASSERT_TRUE(nothing);
  EXPECT_TRUE(nothing->latency_ms.empty());
}

INSTANTIATE_TEST_SUITE_P(BatchingLoad, RealEngine, ::testing::Bool(),
                         [](const auto& plan) { return plan.param ? "batched" : "unbatched"; });

}  // namespace
}  // namespace millrace::app
