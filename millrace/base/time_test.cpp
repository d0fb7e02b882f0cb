#include "millrace/base/time.hpp"

#include <gtest/gtest.h>

#include <array>
#include <limits>

#include "millrace/base/rng.hpp"

namespace millrace::base {
namespace {

constexpr std::array kRates{8'000, 11'025, 16'000, 22'050, 24'000, 44'100, 48'000};

TEST(Instant, AddsAndSubtractsSpans) {
  constexpr Instant a{std::chrono::milliseconds{5}};

  EXPECT_EQ((a + Duration{7}) - a, Duration{7});
  EXPECT_EQ((a - Duration{7}) + Duration{7}, a);
  EXPECT_LT(a, a + Duration{1});
}

TEST(MediaTime, OfAWholeSecondOfFramesIsASecond) {
  for (const std::int32_t rate : kRates)
    EXPECT_EQ(media_time(rate, rate), MediaTime{1'000'000}) << rate;
}

TEST(MediaTime, RoundsDown) {
  EXPECT_EQ(media_time(1, 44'100), MediaTime{22});  // 22.67
  EXPECT_EQ(media_time(1, 48'000), MediaTime{20});  // 20.83
  EXPECT_EQ(media_time(1, 16'000), MediaTime{62});  // 62.5
}

TEST(MediaTime, DoesNotOverflowOnAYearOfAudio) {
  constexpr std::int64_t kYear = 366LL * 24 * 3600;

  EXPECT_EQ(media_time(kYear * 48'000, 48'000), MediaTime{kYear * 1'000'000});
  EXPECT_EQ(frame_at(MediaTime{kYear * 1'000'000}, 48'000), kYear * 48'000);
}

TEST(FrameAt, UndoesMediaTimeForEveryFrameStart) {
  constexpr std::uint64_t kSeed = 1;
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  Rng rng(kSeed);

  for (const std::int32_t rate : kRates) {
    for (std::int64_t frame = 0; frame < 1000; ++frame)
      ASSERT_EQ(frame_at(media_time(frame, rate), rate), frame) << rate;
    for (int i = 0; i < 1000; ++i) {
      const auto frame = static_cast<std::int64_t>(rng.below(std::uint64_t{1} << 40));
      ASSERT_EQ(frame_at(media_time(frame, rate), rate), frame) << rate;
    }
  }
}

TEST(FrameAt, GivesTheFirstFrameNotBeforeTheTime) {
  EXPECT_EQ(frame_at(MediaTime{0}, 16'000), 0);
  EXPECT_EQ(frame_at(MediaTime{1}, 16'000), 1);
  EXPECT_EQ(frame_at(MediaTime{62}, 16'000), 1);
  EXPECT_EQ(frame_at(MediaTime{63}, 16'000), 2);
}

TEST(ToUs, CutsOffNanoseconds) {
  EXPECT_EQ(to_us(Duration{1'999}), 1);
  EXPECT_EQ(to_us(std::chrono::seconds{2}), 2'000'000);
}

}  // namespace
}  // namespace millrace::base
