#include "millrace/base/rng.hpp"

#include <gtest/gtest.h>

#include <array>

namespace millrace::base {
namespace {

TEST(Rng, GivesThePublishedNumbers) {
  // First outputs of SplitMix64 for the seed 1234567, as listed with the reference code.
  Rng rng(1234567);

  EXPECT_EQ(rng.next(), 6457827717110365317ULL);
  EXPECT_EQ(rng.next(), 3203168211198807973ULL);
  EXPECT_EQ(rng.next(), 9817491932198370423ULL);
}

TEST(Rng, RepeatsItselfForTheSameSeed) {
  Rng a(42);
  Rng b(42);
  Rng other(43);

  EXPECT_NE(Rng(42).next(), other.next());
  for (int i = 0; i < 100; ++i) ASSERT_EQ(a.next(), b.next());
}

TEST(Rng, StaysBelowTheBoundAndReachesAllOfIt) {
  Rng rng(7);
  std::array<int, 5> seen{};

  for (int i = 0; i < 1000; ++i) ++seen[rng.below(seen.size())];

  for (const int times : seen) EXPECT_GT(times, 0);
}

TEST(Rng, SpreadsUnitOverZeroToOne) {
  Rng rng(9);
  double sum = 0;

  for (int i = 0; i < 10'000; ++i) {
    const double u = rng.unit();
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
    sum += u;
  }

  EXPECT_NEAR(sum / 10'000, 0.5, 0.02);
}

}  // namespace
}  // namespace millrace::base
