#include "millrace/metrics/distribution.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>

namespace millrace::metrics {
namespace {

void add(Distribution& to, std::uint64_t value) {
  to.add(log_linear::bucket_of(value), 1);
  to.add_totals(value, value);
}

TEST(Distribution, IsAllZeroWhenNothingWasRecorded) {
  const auto none = std::make_unique<Distribution>();

  EXPECT_EQ(none->count(), 0u);
  EXPECT_EQ(none->quantile(0.5), 0u);
  EXPECT_EQ(none->max(), 0u);
  EXPECT_EQ(none->mean(), 0.0);
}

TEST(Distribution, BringsTheShareIntoRange) {
  const auto some = std::make_unique<Distribution>();
  add(*some, 3);
  add(*some, 5);

  EXPECT_EQ(some->quantile(-1.0), 3u);
  EXPECT_EQ(some->quantile(0.0), 3u);
  EXPECT_EQ(some->quantile(std::nan("")), 3u);
  EXPECT_EQ(some->quantile(1.0), 5u);
  EXPECT_EQ(some->quantile(7.0), 5u);
}

TEST(Distribution, TakesTheSmallestValueThatEnoughOthersDoNotExceed) {
  const auto some = std::make_unique<Distribution>();
  for (std::uint64_t v = 1; v <= 10; ++v) add(*some, v);

  EXPECT_EQ(some->quantile(0.5), 5u);
  EXPECT_EQ(some->quantile(0.51), 6u);
  EXPECT_EQ(some->quantile(0.9), 9u);
  EXPECT_EQ(some->quantile(0.99), 10u);
}

TEST(Distribution, NeverShowsMoreThanTheLargestValueSeen) {
  const auto some = std::make_unique<Distribution>();
  add(*some, 1'000'001);

  EXPECT_EQ(some->quantile(0.5), 1'000'001u);
}

TEST(Distribution, ShowsTheLargestValueForWhatIsOverTheRange) {
  const auto some = std::make_unique<Distribution>();
  const std::uint64_t huge = log_linear::kRange * 8;
  add(*some, huge);

  EXPECT_EQ(some->quantile(0.99), huge);
}

TEST(Distribution, AddsUpWithAnother) {
  const auto a = std::make_unique<Distribution>();
  const auto b = std::make_unique<Distribution>();
  add(*a, 10);
  add(*b, 20);
  add(*b, 30);

  a->merge(*b);

  EXPECT_EQ(a->count(), 3u);
  EXPECT_EQ(a->sum(), 60u);
  EXPECT_EQ(a->max(), 30u);
  EXPECT_EQ(a->mean(), 20.0);
  EXPECT_EQ(a->quantile(0.5), 20u);
  EXPECT_EQ(a->count_in(log_linear::bucket_of(20)), 1u);
}

TEST(Distribution, CountsWhatIsUpToABound) {
  const auto some = std::make_unique<Distribution>();
  for (const std::uint64_t v : {1u, 5u, 5u, 100'000u}) add(*some, v);

  EXPECT_EQ(some->count_up_to(0), 0u);
  EXPECT_EQ(some->count_up_to(5), 3u);
  EXPECT_EQ(some->count_up_to(50'000), 3u);
  EXPECT_EQ(some->count_up_to(std::numeric_limits<std::uint64_t>::max()), 4u);
}

}  // namespace
}  // namespace millrace::metrics
