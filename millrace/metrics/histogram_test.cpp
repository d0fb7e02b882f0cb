#include "millrace/metrics/histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <memory>
#include <vector>

#include "millrace/base/rng.hpp"
#include "millrace/rt/guard.hpp"
#include "millrace/rt/thread.hpp"

namespace millrace::metrics {
namespace {

constexpr std::array kShares{0.0, 0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0};

/// Values of every magnitude, so that every octave is tried.
std::vector<std::uint64_t> some_values(std::uint64_t seed) {
  base::Rng rng(seed);
  std::vector<std::uint64_t> values(1 + rng.below(3000));
  for (auto& v : values) v = rng.next() >> (22 + rng.below(42));
  return values;
}

TEST(Histogram, NeverUnderstatesAQuantileAndOverstatesItByAtMost1Point6Percent) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    auto values = some_values(seed);
    const auto histogram = std::make_unique<Histogram>();
    for (const std::uint64_t v : values) histogram->record(v);
    std::ranges::sort(values);

    for (const double q : kShares) {
      const auto rank = std::max<std::size_t>(
          1, static_cast<std::size_t>(std::ceil(q * static_cast<double>(values.size()))));
      const std::uint64_t exact = values[rank - 1];
      const std::uint64_t shown = histogram->quantile(q);
      ASSERT_GE(shown, exact) << q;
      ASSERT_LE(static_cast<double>(shown - exact), 0.016 * static_cast<double>(exact)) << q;
    }
  }
}

TEST(Histogram, KeepsCountSumMeanAndMaximumExactly) {
  const auto values = some_values(1);
  const auto histogram = std::make_unique<Histogram>();
  std::uint64_t sum = 0;
  for (const std::uint64_t v : values) {
    histogram->record(v);
    sum += v;
  }

  EXPECT_EQ(histogram->count(), values.size());
  EXPECT_EQ(histogram->sum(), sum);
  EXPECT_EQ(histogram->max(), *std::ranges::max_element(values));
  EXPECT_DOUBLE_EQ(histogram->mean(),
                   static_cast<double>(sum) / static_cast<double>(values.size()));
}

TEST(Histogram, MergedIsTheSameAsRecordedInOne) {
  const auto first = std::make_unique<Histogram>();
  const auto second = std::make_unique<Histogram>();
  const auto both = std::make_unique<Histogram>();
  for (const std::uint64_t v : some_values(2)) {
    first->record(v);
    both->record(v);
  }
  for (const std::uint64_t v : some_values(3)) {
    second->record(v);
    both->record(v);
  }

  first->merge(*second);

  for (const double q : kShares) EXPECT_EQ(first->quantile(q), both->quantile(q)) << q;
  EXPECT_EQ(first->count(), both->count());
  EXPECT_EQ(first->sum(), both->sum());
  EXPECT_EQ(first->max(), both->max());
}

TEST(Histogram, MayBeReadWhileItIsWritten) {
  constexpr std::uint64_t kValues = 200'000;
  const auto histogram = std::make_unique<Histogram>();
  std::atomic<bool> written{false};
  auto writer = rt::Thread::start("writer", [&] {
    for (std::uint64_t v = 0; v < kValues; ++v) histogram->record(v % 1000);
    written.store(true, std::memory_order_release);
  });
  ASSERT_TRUE(writer.has_value());

  std::uint64_t last = 0;
  std::uint64_t wrong = 0;
  while (!written.load(std::memory_order_acquire)) {
    const Distribution seen = histogram->distribution();
    if (seen.count() < last || seen.count() > kValues || seen.max() > 999) ++wrong;
    last = seen.count();
  }
  writer->join();

  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(histogram->count(), kValues);
}

TEST(Histogram, RecordsWithoutAllocatingOrLocking) {
  const auto histogram = std::make_unique<Histogram>();

  EXPECT_EQ(rt::breaches_in([&] { histogram->record(12'345); }), 0u);
}

}  // namespace
}  // namespace millrace::metrics
