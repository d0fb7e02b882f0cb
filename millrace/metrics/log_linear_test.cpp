#include "millrace/metrics/log_linear.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "millrace/base/rng.hpp"

namespace millrace::metrics::log_linear {
namespace {

TEST(LogLinear, KeepsSmallValuesExactly) {
  for (std::uint64_t value = 0; value < 2 * kPerOctave; ++value) {
    EXPECT_EQ(lowest(bucket_of(value)), value);
    EXPECT_EQ(highest(bucket_of(value)), value);
  }
}

TEST(LogLinear, CoversTheRangeWithoutGapOrOverlap) {
  ASSERT_EQ(lowest(0), 0u);
  for (std::size_t b = 0; b < kBuckets; ++b) {
    ASSERT_EQ(bucket_of(lowest(b)), b);
    ASSERT_EQ(bucket_of(highest(b)), b);
    ASSERT_EQ(lowest(b + 1), highest(b) + 1);
  }
}

TEST(LogLinear, IsAtMost1Point6PercentWide) {
  for (std::size_t b = kPerOctave; b < kBuckets; ++b) {
    const double width = static_cast<double>(highest(b) - lowest(b));
    ASSERT_LE(width / static_cast<double>(lowest(b)), 0.016) << b;
  }
}

TEST(LogLinear, CountsWhatIsOverTheRangeInTheLastBucket) {
  EXPECT_EQ(bucket_of(kRange - 1), kBuckets - 1);
  EXPECT_EQ(bucket_of(kRange), kBuckets - 1);
  EXPECT_EQ(bucket_of(std::numeric_limits<std::uint64_t>::max()), kBuckets - 1);
}

TEST(LogLinear, PutsEveryValueBetweenTheEdgesOfItsBucket) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    base::Rng rng(seed);
    for (int i = 0; i < 20'000; ++i) {
      const std::uint64_t value = rng.next() >> (64 - kRangeBits + rng.below(kRangeBits));
      const std::size_t bucket = bucket_of(value);
      ASSERT_LE(lowest(bucket), value);
      ASSERT_GE(highest(bucket), value);
    }
  }
}

}  // namespace
}  // namespace millrace::metrics::log_linear
