#include "apps/millrace/bench/speculation_stats.hpp"

#include <gtest/gtest.h>

#include <numeric>

namespace millrace::app {
namespace {

TEST(Quantile, IsTheNearestRank) {
  const std::vector<double> values{40.0, 10.0, 30.0, 20.0};

  EXPECT_EQ(quantile(values, 0.0), 10.0);
  EXPECT_EQ(quantile(values, 0.5), 20.0);
  EXPECT_EQ(quantile(values, 0.51), 30.0);
  EXPECT_EQ(quantile(values, 1.0), 40.0);
  EXPECT_FALSE(quantile({}, 0.5));
}

TEST(Bootstrap, GivesTheSameIntervalForTheSameData) {
  std::vector<double> values(50);
  std::iota(values.begin(), values.end(), 1.0);

  const auto first = bootstrap_median(values);
  const auto second = bootstrap_median(values);

  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->low, second->low);
  EXPECT_EQ(first->high, second->high);
  EXPECT_LT(first->low, 25.0);
  EXPECT_GT(first->high, 25.0);
}

TEST(Bootstrap, OfEqualValuesHasNoWidth) {
  const auto interval = bootstrap_median({7.0, 7.0, 7.0});

  ASSERT_TRUE(interval);
  EXPECT_EQ(interval->low, 7.0);
  EXPECT_EQ(interval->high, 7.0);
}

TEST(Bootstrap, SaysNothingOfOneGroupOrWithoutAStatistic) {
  EXPECT_FALSE(bootstrap_median({1.0}));
  EXPECT_FALSE(bootstrap(
      5, [](const std::vector<std::size_t>&) -> std::optional<double> { return std::nullopt; }));
}

TEST(Bootstrap, DrawsWholeGroups) {
  (void)bootstrap(4, [](const std::vector<std::size_t>& drawn) -> std::optional<double> {
    EXPECT_EQ(drawn.size(), 4U);
    for (const std::size_t group : drawn) EXPECT_LT(group, 4U);
    return 1.0;
  });
}

}  // namespace
}  // namespace millrace::app
