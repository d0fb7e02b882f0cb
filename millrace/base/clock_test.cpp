#include "millrace/base/clock.hpp"

#include <gtest/gtest.h>

namespace millrace::base {
namespace {

using std::chrono::milliseconds;

TEST(VirtualClock, StartsAtZeroAndMovesOnlyWhenTold) {
  VirtualClock clock;

  EXPECT_EQ(clock.now(), Instant{});
  EXPECT_EQ(clock.now(), Instant{});
  clock.advance_to({milliseconds{20}});
  EXPECT_EQ(clock.now(), Instant{milliseconds{20}});
}

TEST(VirtualClock, NeverRunsBackwards) {
  VirtualClock clock;
  clock.advance_to({milliseconds{20}});

  clock.advance_to({milliseconds{10}});

  EXPECT_EQ(clock.now(), Instant{milliseconds{20}});
}

TEST(RealClock, NeverRunsBackwardsAndStartsNearItsMaking) {
  const RealClock clock;
  const Clock& seen = clock;

  Instant last{};
  for (int i = 0; i < 1000; ++i) {
    const Instant now = seen.now();
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST(UnixTime, IsAfterTheYearThisWasWritten) {
  constexpr std::int64_t kStartOf2026 = 1'767'225'600;

  EXPECT_GT(unix_time_us(), kStartOf2026 * 1'000'000);
}

}  // namespace
}  // namespace millrace::base
