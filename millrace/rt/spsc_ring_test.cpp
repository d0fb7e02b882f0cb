#include "millrace/rt/spsc_ring.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <thread>

#include "millrace/base/rng.hpp"
#include "millrace/rt/guard.hpp"
#include "millrace/rt/thread.hpp"

namespace millrace::rt {
namespace {

TEST(SpscRing, RoundsItsCapacityUpToAPowerOfTwo) {
  EXPECT_EQ(SpscRing<int>(0).capacity(), 1u);
  EXPECT_EQ(SpscRing<int>(1).capacity(), 1u);
  EXPECT_EQ(SpscRing<int>(5).capacity(), 8u);
  EXPECT_EQ(SpscRing<int>(8).capacity(), 8u);
}

TEST(SpscRing, RefusesTheNewestWhenFullAndLeavesItWithTheCaller) {
  SpscRing<std::unique_ptr<int>> ring(2);
  ASSERT_TRUE(ring.try_push(std::make_unique<int>(1)));
  ASSERT_TRUE(ring.try_push(std::make_unique<int>(2)));
  auto third = std::make_unique<int>(3);

  EXPECT_FALSE(ring.try_push(std::move(third)));

  ASSERT_NE(third, nullptr);
  EXPECT_EQ(*third, 3);
  EXPECT_EQ(ring.size(), 2u);
}

TEST(SpscRing, LeavesTheTargetAloneWhenEmpty) {
  SpscRing<int> ring(2);
  int got = 7;

  EXPECT_FALSE(ring.try_pop(got));

  EXPECT_EQ(got, 7);
}

TEST(SpscRing, KeepsNoShareOfAPoppedItem) {
  SpscRing<std::shared_ptr<int>> ring(4);
  auto item = std::make_shared<int>(1);
  ASSERT_TRUE(ring.try_push(std::shared_ptr<int>(item)));
  std::shared_ptr<int> got;

  ASSERT_TRUE(ring.try_pop(got));
  got.reset();

  EXPECT_EQ(item.use_count(), 1);
}

TEST(SpscRing, DropsWhatIsInsideWhenItGoes) {
  auto item = std::make_shared<int>(1);
  {
    SpscRing<std::shared_ptr<int>> ring(4);
    ASSERT_TRUE(ring.try_push(std::shared_ptr<int>(item)));
  }

  EXPECT_EQ(item.use_count(), 1);
}

TEST(SpscRing, BehavesLikeABoundedQueueUnderAnyMixOfPushesAndPops) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    base::Rng rng(seed);
    SpscRing<std::uint64_t> ring(1 + rng.below(9));
    std::deque<std::uint64_t> model;
    for (int step = 0; step < 2000; ++step) {
      if (rng.below(2) == 0) {
        const std::uint64_t value = rng.next();
        const bool fits = model.size() < ring.capacity();
        ASSERT_EQ(ring.try_push(std::uint64_t{value}), fits);
        if (fits) model.push_back(value);
      } else {
        std::uint64_t got = 0;
        ASSERT_EQ(ring.try_pop(got), !model.empty());
        if (model.empty()) continue;
        ASSERT_EQ(got, model.front());
        model.pop_front();
      }
      ASSERT_EQ(ring.size(), model.size());
    }
  }
}

TEST(SpscRing, CarriesEveryItemInOrderBetweenTwoThreads) {
  constexpr std::uint64_t kItems = 100'000;
  SpscRing<std::uint64_t> ring(64);
  auto producer = Thread::start("producer", [&] {
    for (std::uint64_t i = 0; i < kItems; ++i)
      while (!ring.try_push(std::uint64_t{i})) std::this_thread::yield();
  });
  ASSERT_TRUE(producer.has_value());

  std::uint64_t wrong = 0;
  for (std::uint64_t expected = 0; expected < kItems;) {
    std::uint64_t got = 0;
    if (!ring.try_pop(got)) {
      std::this_thread::yield();
      continue;
    }
    if (got != expected) ++wrong;
    if (ring.size() > ring.capacity()) ++wrong;
    ++expected;
  }

  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(ring.size(), 0u);
}

TEST(SpscRing, NeitherAllocatesNorLocks) {
  SpscRing<std::unique_ptr<int>> ring(2);
  auto item = std::make_unique<int>(1);

  const auto breaches = breaches_in([&] {
    static_cast<void>(ring.try_push(std::move(item)));
    static_cast<void>(ring.try_pop(item));
  });

  EXPECT_EQ(breaches, 0u);
  ASSERT_NE(item, nullptr);
}

}  // namespace
}  // namespace millrace::rt
