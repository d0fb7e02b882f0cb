#include "millrace/rt/mpsc_ring.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <thread>
#include <vector>

#include "millrace/base/rng.hpp"
#include "millrace/rt/guard.hpp"
#include "millrace/rt/thread.hpp"

namespace millrace::rt {
namespace {

TEST(MpscRing, RoundsItsCapacityUpToAPowerOfTwoAndAtLeastTwo) {
  EXPECT_EQ(MpscRing<int>(0).capacity(), 2u);
  EXPECT_EQ(MpscRing<int>(2).capacity(), 2u);
  EXPECT_EQ(MpscRing<int>(5).capacity(), 8u);
}

TEST(MpscRing, RefusesTheNewestWhenFullAndLeavesItWithTheCaller) {
  MpscRing<std::unique_ptr<int>> ring(2);
  ASSERT_TRUE(ring.try_push(std::make_unique<int>(1)));
  ASSERT_TRUE(ring.try_push(std::make_unique<int>(2)));
  auto third = std::make_unique<int>(3);

  EXPECT_FALSE(ring.try_push(std::move(third)));

  ASSERT_NE(third, nullptr);
  EXPECT_EQ(ring.size(), 2u);
}

TEST(MpscRing, KeepsNoShareOfAPoppedItem) {
  MpscRing<std::shared_ptr<int>> ring(4);
  auto item = std::make_shared<int>(1);
  ASSERT_TRUE(ring.try_push(std::shared_ptr<int>(item)));
  std::shared_ptr<int> got;

  ASSERT_TRUE(ring.try_pop(got));
  got.reset();

  EXPECT_EQ(item.use_count(), 1);
}

TEST(MpscRing, BehavesLikeABoundedQueueUnderAnyMixOfPushesAndPops) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    base::Rng rng(seed);
    MpscRing<std::uint64_t> ring(1 + rng.below(9));
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

TEST(MpscRing, CarriesEveryItemOfEveryProducerInThatProducersOrder) {
  struct Item {
    std::uint32_t producer = 0;
    std::uint32_t number = 0;
  };
  constexpr std::uint32_t kProducers = 3;
  constexpr std::uint32_t kEach = 30'000;
  MpscRing<Item> ring(32);
  std::vector<Thread> producers;
  for (std::uint32_t p = 0; p < kProducers; ++p) {
    auto producer = Thread::start("producer", [&ring, p] {
      for (std::uint32_t i = 0; i < kEach; ++i)
        while (!ring.try_push(Item{p, i})) std::this_thread::yield();
    });
    ASSERT_TRUE(producer.has_value());
    producers.push_back(std::move(*producer));
  }

  std::array<std::uint32_t, kProducers> next{};
  std::uint64_t wrong = 0;
  for (std::uint32_t taken = 0; taken < kProducers * kEach;) {
    Item item;
    if (!ring.try_pop(item)) {
      std::this_thread::yield();
      continue;
    }
    if (item.number != next[item.producer]++) ++wrong;
    ++taken;
  }
  producers.clear();

  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(ring.size(), 0u);
  Item none;
  EXPECT_FALSE(ring.try_pop(none));
}

TEST(MpscRing, NeitherAllocatesNorLocks) {
  MpscRing<std::unique_ptr<int>> ring(2);
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
