#include "millrace/media/audio_ring.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <vector>

#include "millrace/base/limits.hpp"
#include "millrace/rt/guard.hpp"

namespace millrace::media {
namespace {

using ::testing::ElementsAre;

AudioRing ring_of(std::size_t capacity_frames, std::size_t channels = 1) {
  auto ring = AudioRing::create(capacity_frames, channels);
  EXPECT_TRUE(ring.has_value());
  return *std::move(ring);
}

/// Frames [from, to) whose samples say which frame and channel they are.
std::vector<float> counted(std::int64_t from, std::int64_t to, std::size_t channels = 1) {
  std::vector<float> samples;
  for (std::int64_t frame = from; frame < to; ++frame)
    for (std::size_t c = 0; c < channels; ++c)
      samples.push_back(static_cast<float>(frame) + 0.125F * static_cast<float>(c));
  return samples;
}

TEST(AudioRing, GivesBackWhatWasPutInUnderItsNumbers) {
  AudioRing ring = ring_of(8);
  ring.append(0, counted(0, 5));

  std::vector<float> out(3);
  ASSERT_TRUE(ring.copy(1, 4, out));
  EXPECT_THAT(out, ElementsAre(1, 2, 3));
  EXPECT_EQ(ring.oldest(), 0);
  EXPECT_EQ(ring.end(), 5);
}

TEST(AudioRing, ForgetsTheOldestWhenFull) {
  AudioRing ring = ring_of(4);
  ring.append(0, counted(0, 3));
  ring.append(3, counted(3, 6));

  EXPECT_EQ(ring.oldest(), 2);
  std::vector<float> out(4);
  EXPECT_FALSE(ring.copy(1, 5, out));
  ASSERT_TRUE(ring.copy(2, 6, out));
  EXPECT_THAT(out, ElementsAre(2, 3, 4, 5));
}

TEST(AudioRing, KeepsTheEndOfABlockLongerThanItself) {
  AudioRing ring = ring_of(3);
  ring.append(0, counted(0, 10));

  EXPECT_EQ(ring.oldest(), 7);
  std::vector<float> out(3);
  ASSERT_TRUE(ring.copy(7, 10, out));
  EXPECT_THAT(out, ElementsAre(7, 8, 9));
}

TEST(AudioRing, ForgetsWhatWasBeforeAGap) {
  AudioRing ring = ring_of(8);
  ring.append(0, counted(0, 4));
  ring.append(100, counted(100, 102));

  EXPECT_EQ(ring.oldest(), 100);
  EXPECT_EQ(ring.end(), 102);
  std::vector<float> out(2);
  EXPECT_FALSE(ring.copy(2, 4, out));
  ASSERT_TRUE(ring.copy(100, 102, out));
  EXPECT_THAT(out, ElementsAre(100, 101));
}

TEST(AudioRing, BeginsWhereTheFirstBlockBegins) {
  AudioRing ring = ring_of(8);
  EXPECT_EQ(ring.oldest(), ring.end());
  ring.append(50, counted(50, 52));
  EXPECT_EQ(ring.oldest(), 50);
}

TEST(AudioRing, RefusesWhatItDoesNotHoldAndWritesNothing) {
  AudioRing ring = ring_of(8);
  ring.append(0, counted(0, 4));

  std::vector<float> out(8, -1.0F);
  EXPECT_FALSE(ring.copy(2, 5, out));
  EXPECT_FALSE(ring.copy(3, 2, out));
  EXPECT_FALSE(ring.copy(-1, 2, out));
  EXPECT_FALSE(ring.copy(0, 4, std::span(out).first(3)));
  EXPECT_EQ(out, std::vector<float>(8, -1.0F));
  EXPECT_TRUE(ring.copy(2, 2, {}));
}

TEST(AudioRing, IgnoresAnEmptyBlockAndOneBeforeTheBeginning) {
  AudioRing ring = ring_of(8);
  ring.append(0, counted(0, 4));
  ring.append(77, {});
  ring.append(-5, counted(0, 2));

  EXPECT_EQ(ring.oldest(), 0);
  EXPECT_EQ(ring.end(), 4);
}

TEST(AudioRing, HoldsTheSameFramesForEveryCut) {
  constexpr std::size_t kChannels = 2;
  std::mt19937 random{7};
  AudioRing ring = ring_of(37, kChannels);
  std::int64_t end = 0;
  for (int turn = 0; turn < 500; ++turn) {
    const auto next = end + static_cast<std::int64_t>(random() % 60);
    ring.append(end, counted(end, next, kChannels));
    end = next;
    ASSERT_EQ(ring.end(), end);
    ASSERT_EQ(ring.oldest(), std::max<std::int64_t>(0, end - 37));
    std::vector<float> out(static_cast<std::size_t>(end - ring.oldest()) * kChannels);
    ASSERT_TRUE(ring.copy(ring.oldest(), end, out));
    ASSERT_EQ(out, counted(ring.oldest(), end, kChannels));
  }
}

TEST(AudioRing, HasBoundsOnWhatItIsMadeFrom) {
  using base::limits::kMaxChannels;
  EXPECT_FALSE(AudioRing::create(0).has_value());
  EXPECT_FALSE(AudioRing::create(16, 0).has_value());
  EXPECT_TRUE(AudioRing::create(16, kMaxChannels).has_value());
  EXPECT_FALSE(AudioRing::create(16, kMaxChannels + 1).has_value());
  EXPECT_FALSE(AudioRing::create(AudioRing::kMaxSamples / 2 + 1, 2).has_value());
}

TEST(AudioRing, NeitherAllocatesNorLocksOnceMade) {
  AudioRing ring = ring_of(100);
  const std::vector<float> block = counted(0, 64);
  std::vector<float> out(64);
  EXPECT_EQ(rt::breaches_in([&] {
              for (std::int64_t k = 0; k < 10; ++k) {
                ring.append(k * 64, block);
                EXPECT_TRUE(ring.copy(k * 64, k * 64 + 64, out));
              }
            }),
            0U);
}

}  // namespace
}  // namespace millrace::media
