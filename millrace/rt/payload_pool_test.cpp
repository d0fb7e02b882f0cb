#include "millrace/rt/payload_pool.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "millrace/base/rng.hpp"
#include "millrace/rt/guard.hpp"
#include "millrace/rt/mpsc_ring.hpp"
#include "millrace/rt/thread.hpp"

namespace millrace::rt {
namespace {

using base::limits::kPayloadBytes;

bool aligned(const Payload& payload) {
  return reinterpret_cast<std::uintptr_t>(payload.bytes().data()) % kPayloadAlignment == 0;
}

std::vector<std::byte> some_bytes(std::size_t size, std::uint64_t seed) {
  base::Rng rng(seed);
  std::vector<std::byte> bytes(size);
  for (auto& b : bytes) b = static_cast<std::byte>(rng.next());
  return bytes;
}

TEST(Payload, IsEmptyUntilItHasABlock) {
  Payload none;

  EXPECT_FALSE(none);
  EXPECT_FALSE(none.unique());
  EXPECT_EQ(none.size_bytes(), 0u);
  EXPECT_TRUE(none.bytes().empty());
  EXPECT_TRUE(none.writable().empty());
  EXPECT_TRUE(none.as<float>().empty());
}

TEST(Payload, OfNoBytesStillHasABlock) {
  const Payload nothing = Payload::heap(0);

  EXPECT_TRUE(nothing);
  EXPECT_EQ(nothing.size_bytes(), 0u);
  EXPECT_TRUE(Payload::copy_of({}));
}

TEST(Payload, SharesItsBlockWithCopies) {
  Payload first = Payload::copy_of(some_bytes(100, 1));
  EXPECT_TRUE(first.unique());

  std::optional<Payload> second = first;
  EXPECT_FALSE(first.unique());
  EXPECT_EQ(second->bytes().data(), first.bytes().data());
  second.reset();

  EXPECT_TRUE(first.unique());
}

TEST(Payload, LeavesNothingBehindWhenMoved) {
  Payload first = Payload::heap(10);

  Payload second = std::move(first);

  EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): that is the promise
  EXPECT_TRUE(second.unique());
}

TEST(Payload, SurvivesAssignmentToItself) {
  Payload payload = Payload::heap(10);
  Payload& same = payload;

  payload = same;
  EXPECT_TRUE(payload.unique());
  payload = std::move(same);

  EXPECT_TRUE(payload.unique());
}

TEST(Payload, HoldsExactlyTheBytesItWasMadeOf) {
  const auto bytes = some_bytes(1000, 2);

  const Payload payload = Payload::copy_of(bytes);

  EXPECT_TRUE(std::ranges::equal(payload.bytes(), bytes));
  EXPECT_TRUE(aligned(payload));
}

TEST(Payload, IsSeenAsWholeValuesOfAType) {
  Payload payload = Payload::heap(11);

  const auto floats = payload.writable_as<float>();
  ASSERT_EQ(floats.size(), 2u);
  floats[1] = 0.5F;

  EXPECT_EQ(payload.as<float>()[1], 0.5F);
  EXPECT_EQ(payload.as<std::uint8_t>().size(), 11u);
  EXPECT_EQ(payload.as<double>().size(), 1u);
}

TEST(Payload, IsResizedWithinItsBlock) {
  PayloadPool pool;
  Payload payload = pool.acquire(100);
  EXPECT_EQ(payload.capacity_bytes(), 256u);

  payload.resize(256);
  EXPECT_EQ(payload.writable().size(), 256u);
  payload.resize(0);

  EXPECT_EQ(payload.size_bytes(), 0u);
  EXPECT_EQ(pool.acquire(100).size_bytes(), 100u);
}

TEST(Payload, IsGivenAtTheLimitAndNotOverIt) {
  EXPECT_EQ(Payload::heap(kPayloadBytes).size_bytes(), kPayloadBytes);
  EXPECT_FALSE(Payload::heap(kPayloadBytes + 1));
}

TEST(PayloadDeathTest, StopsAWriterWhoSharesTheBlock) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  Payload payload = Payload::heap(10);
  const Payload reader = payload;

  EXPECT_DEATH(static_cast<void>(payload.writable()), "written only by its one holder");
  EXPECT_DEATH(payload.resize(1), "resized only by its one holder");
}

TEST(PayloadDeathTest, StopsGrowthPastTheBlock) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  Payload payload = Payload::heap(10);

  EXPECT_DEATH(payload.resize(payload.capacity_bytes() + 1), "never grows past its block");
}

TEST(PayloadPool, ServesEachSizeFromTheSmallestClassItFits) {
  PayloadPool pool(PayloadGrowth::none);
  for (const std::size_t size : kPayloadClasses) ASSERT_TRUE(pool.reserve(size, 2).has_value());

  std::size_t below = 0;
  for (const std::size_t size : kPayloadClasses) {
    const Payload smallest = pool.acquire(below == 0 ? 0 : below + 1);
    const Payload largest = pool.acquire(size);
    EXPECT_EQ(smallest.capacity_bytes(), size);
    EXPECT_EQ(largest.capacity_bytes(), size);
    EXPECT_TRUE(aligned(smallest) && aligned(largest));
    EXPECT_FALSE(pool.acquire(size)) << "only two were reserved";
    below = size;
  }

  EXPECT_EQ(pool.misses(), 0u);
  EXPECT_EQ(pool.stats().refused, kPayloadClasses.size());
}

TEST(PayloadPool, TakesBlocksBackAndGivesThemOutAgain) {
  PayloadPool pool(PayloadGrowth::none);
  ASSERT_TRUE(pool.reserve(64, 1).has_value());

  for (int i = 0; i < 100; ++i) {
    const Payload payload = pool.acquire(10);
    ASSERT_TRUE(payload.unique());
    ASSERT_EQ(payload.size_bytes(), 10u);
    ASSERT_EQ(pool.stats().blocks_in_use, 1u);
  }

  EXPECT_EQ(pool.stats().blocks_in_use, 0u);
  EXPECT_EQ(pool.stats().refused, 0u);
}

TEST(PayloadPool, TakesFromTheHeapAndCountsAMissWhenAClassIsExhausted) {
  PayloadPool pool;
  ASSERT_TRUE(pool.reserve(64, 1).has_value());

  Payload first = pool.acquire(64);
  Payload second = pool.acquire(64);

  EXPECT_TRUE(second);
  EXPECT_EQ(second.capacity_bytes(), 64u);
  EXPECT_EQ(pool.stats().misses, 1u);
  EXPECT_EQ(pool.stats().blocks_in_use, 2u);
  first.reset();
  second.reset();
  EXPECT_EQ(pool.stats().blocks_in_use, 0u);
}

TEST(PayloadPool, AllocatesSinglyAboveTheLargestClassUpToTheLimit) {
  PayloadPool pool;

  const Payload above = pool.acquire(kPayloadClasses.back() + 1);
  const Payload limit = pool.acquire(kPayloadBytes);
  const Payload over = pool.acquire(kPayloadBytes + 1);

  EXPECT_TRUE(aligned(above));
  EXPECT_EQ(limit.size_bytes(), kPayloadBytes);
  EXPECT_FALSE(over);
  EXPECT_EQ(pool.stats().singly, 2u);
  EXPECT_EQ(pool.stats().misses, 0u);
  EXPECT_EQ(pool.stats().refused, 1u);
  EXPECT_EQ(pool.stats().blocks_in_use, 2u);
}

TEST(PayloadPool, GivesNothingLargeWhenGrowthIsNotAllowed) {
  PayloadPool pool(PayloadGrowth::none);

  EXPECT_FALSE(pool.acquire(kPayloadClasses.back() + 1));
  EXPECT_FALSE(pool.acquire(1));
}

TEST(PayloadPool, SaysWhatItCannotReserve) {
  PayloadPool pool;

  const auto too_large = pool.reserve(kPayloadClasses.back() + 1, 1);
  const auto too_many = pool.reserve(64, (1U << 24) + 1);

  ASSERT_FALSE(too_large.has_value());
  EXPECT_EQ(too_large.error().code, base::Code::bad_argument);
  EXPECT_NE(too_large.error().message.find("65537"), std::string::npos);
  ASSERT_FALSE(too_many.has_value());
  EXPECT_EQ(too_many.error().code, base::Code::bad_argument);
  EXPECT_EQ(pool.stats().bytes_reserved, 0u);
}

TEST(PayloadPool, GrowsAtMost255TimesAClass) {
  PayloadPool pool(PayloadGrowth::none);
  for (int i = 0; i < 255; ++i) ASSERT_TRUE(pool.reserve(64, 1).has_value()) << i;

  const auto once_more = pool.reserve(64, 1);

  ASSERT_FALSE(once_more.has_value());
  EXPECT_EQ(once_more.error().code, base::Code::overloaded);
  EXPECT_TRUE(pool.reserve(65, 1).has_value());
  std::vector<Payload> all;
  std::set<const std::byte*> places;
  for (Payload next = pool.acquire(64); next; next = pool.acquire(64)) {
    places.insert(next.bytes().data());
    all.push_back(std::move(next));
  }
  EXPECT_EQ(all.size(), 255u);
  EXPECT_EQ(places.size(), 255u);
}

TEST(PayloadPool, CountsTheBytesItHoldsAhead) {
  PayloadPool pool;

  ASSERT_TRUE(pool.reserve(1000, 3).has_value());
  ASSERT_TRUE(pool.reserve(1000, 0).has_value());

  EXPECT_EQ(pool.stats().bytes_reserved, 3u * (1024 + 64));
}

TEST(PayloadPool, MayGoBeforeItsBlocks) {
  auto pool = std::make_unique<PayloadPool>();
  ASSERT_TRUE(pool->reserve(64, 2).has_value());
  const auto bytes = some_bytes(64, 3);
  Payload reserved = pool->copy_of(bytes);
  Payload other = reserved;
  Payload single = pool->acquire(100'000);
  Payload missed = pool->acquire(5'000);

  pool.reset();

  EXPECT_TRUE(std::ranges::equal(other.bytes(), bytes));
  reserved.reset();
  EXPECT_TRUE(other.unique());
  other.writable()[0] = std::byte{1};
  single.writable()[99'999] = std::byte{1};
}

TEST(PayloadPool, NeitherAllocatesNorLocksWhileTheClassHasBlocks) {
  PayloadPool pool;
  ASSERT_TRUE(pool.reserve(1000, 2).has_value());
  const auto bytes = some_bytes(1000, 4);

  const auto breaches = breaches_in([&] {
    Payload payload = pool.copy_of(bytes);
    const Payload copy = payload;
    payload.reset();
    static_cast<void>(pool.acquire(900));
  });

  EXPECT_EQ(breaches, 0u);
  EXPECT_EQ(pool.misses(), 0u);
}

TEST(PayloadPool, HasItsMissesSeenByTheGuard) {
  PayloadPool pool;

  EXPECT_EQ(breaches_in([&] { static_cast<void>(pool.acquire(10)); }), 1u);
}

/// Fills a block, looks again later: a block that two holders were given shows a foreign stamp.
std::uint64_t stamp_and_check(PayloadPool& pool, std::uint64_t stamp, int rounds,
                              std::uint64_t seed) {
  base::Rng rng(seed);
  std::vector<Payload> held(3);
  std::vector<std::uint64_t> stamps(held.size());
  std::uint64_t wrong = 0;
  for (int i = 0; i < rounds; ++i) {
    const std::size_t k = rng.below(held.size());
    if (held[k]) {
      for (const std::uint64_t seen : held[k].as<std::uint64_t>())
        if (seen != stamps[k]) ++wrong;
      held[k].reset();
    }
    held[k] = pool.acquire(64);
    if (!held[k]) continue;
    stamps[k] = stamp + static_cast<std::uint64_t>(i);
    std::ranges::fill(held[k].writable_as<std::uint64_t>(), stamps[k]);
  }
  return wrong;
}

TEST(PayloadPool, NeverGivesOneBlockToTwoThreads) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 20'000;
  constexpr std::size_t kBlocks = 8;  // fewer than the threads want, so that the list runs dry
  PayloadPool pool(PayloadGrowth::none);
  ASSERT_TRUE(pool.reserve(64, kBlocks / 2).has_value());
  std::array<std::uint64_t, kThreads> wrong{};
  std::vector<Thread> threads;
  for (std::uint64_t t = 0; t < kThreads; ++t) {
    auto thread = Thread::start(
        "holder", [&, t] { wrong[t] = stamp_and_check(pool, (t + 1) << 32, kRounds, /*seed=*/t); });
    ASSERT_TRUE(thread.has_value());
    threads.push_back(std::move(*thread));
  }
  ASSERT_TRUE(pool.reserve(64, kBlocks / 2).has_value());

  threads.clear();

  EXPECT_EQ(wrong, (std::array<std::uint64_t, kThreads>{}));
  EXPECT_EQ(pool.stats().blocks_in_use, 0u);
  std::vector<Payload> all;
  for (Payload next = pool.acquire(64); next; next = pool.acquire(64))
    all.push_back(std::move(next));
  EXPECT_EQ(all.size(), kBlocks);
}

TEST(PayloadPool, TakesBackOnOneThreadWhatItGaveOnAnother) {
  constexpr std::uint32_t kItems = 20'000;
  PayloadPool pool;
  ASSERT_TRUE(pool.reserve(256, 16).has_value());
  MpscRing<Payload> ring(8);
  std::uint64_t wrong = 0;
  auto consumer = Thread::start("consumer", [&] {
    for (std::uint32_t expected = 0; expected < kItems;) {
      Payload got;
      if (!ring.try_pop(got)) {
        std::this_thread::yield();
        continue;
      }
      if (got.as<std::uint32_t>()[50] != expected++) ++wrong;
    }
  });
  ASSERT_TRUE(consumer.has_value());

  for (std::uint32_t i = 0; i < kItems; ++i) {
    Payload payload = pool.acquire(256);
    payload.writable_as<std::uint32_t>()[50] = i;
    const Payload kept = payload;
    while (!ring.try_push(std::move(payload))) std::this_thread::yield();
  }
  consumer->join();

  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(pool.stats().blocks_in_use, 0u);
  EXPECT_EQ(pool.misses(), 0u) << "8 in the ring and one at each end never need more than 16";
}

}  // namespace
}  // namespace millrace::rt
