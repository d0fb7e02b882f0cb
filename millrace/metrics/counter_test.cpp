#include "millrace/metrics/counter.hpp"

#include <gtest/gtest.h>

#include "millrace/rt/guard.hpp"
#include "millrace/rt/thread.hpp"

namespace millrace::metrics {
namespace {

TEST(Counter, AddsOneOrMany) {
  Counter counter;
  EXPECT_EQ(counter.value(), 0u);

  counter.add();
  counter.add(41);

  EXPECT_EQ(counter.value(), 42u);
}

TEST(Counter, IsSeenByAnotherThread) {
  constexpr std::uint64_t kTimes = 10'000;
  Counter counter;
  auto writer = rt::Thread::start("writer", [&] {
    for (std::uint64_t i = 0; i < kTimes; ++i) counter.add();
  });
  ASSERT_TRUE(writer.has_value());

  std::uint64_t last = 0;
  std::uint64_t wrong = 0;
  while (last < kTimes) {
    const std::uint64_t seen = counter.value();
    if (seen < last) ++wrong;
    last = seen;
  }

  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(counter.value(), kTimes);
}

TEST(Gauge, KeepsItsLargestValue) {
  Gauge gauge;

  gauge.set(3);
  gauge.set(7);
  gauge.set(2);

  EXPECT_EQ(gauge.value(), 2u);
  EXPECT_EQ(gauge.max(), 7u);
}

TEST(Counter, NeitherAllocatesNorLocks) {
  Counter counter;
  Gauge gauge;

  EXPECT_EQ(rt::breaches_in([&] {
              counter.add();
              gauge.set(1);
            }),
            0u);
}

}  // namespace
}  // namespace millrace::metrics
