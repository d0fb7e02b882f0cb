#include "millrace/metrics/sliding_histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <vector>

#include "millrace/base/clock.hpp"
#include "millrace/base/rng.hpp"
#include "millrace/rt/guard.hpp"
#include "millrace/rt/thread.hpp"

namespace millrace::metrics {
namespace {

using base::Duration;
using base::Instant;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Duration slot_of(Window window) {
  return window == Window::one_minute ? seconds{10} : seconds{60};
}

TEST(Window, HasTheNameThatDashboardsUse) {
  EXPECT_EQ(name(Window::one_minute), "1min");
  EXPECT_EQ(name(Window::five_minutes), "5min");
  EXPECT_EQ(name(Window::fifteen_minutes), "15min");
}

TEST(SlidingHistogram, ShowsNothingBeforeTheFirstValue) {
  const SlidingHistogram sliding;

  for (const Window window : kWindows)
    EXPECT_EQ(sliding.snapshot(window, {minutes{3}}).count(), 0u);
}

TEST(SlidingHistogram, ShowsAValueAtOnceInEveryWindow) {
  SlidingHistogram sliding;
  const Instant now{seconds{1}};

  sliding.record(now, 5'000);

  for (const Window window : kWindows) {
    const Distribution seen = sliding.snapshot(window, now);
    EXPECT_EQ(seen.count(), 1u);
    EXPECT_EQ(seen.max(), 5'000u);
    EXPECT_EQ(seen.mean(), 5'000.0);
    EXPECT_EQ(seen.quantile(0.5), 5'000u);
  }
}

TEST(SlidingHistogram, KeepsAValueForItsWindowAndForgetsItOneSlotLater) {
  for (const Window window : kWindows) {
    SCOPED_TRACE(name(window));
    for (const Duration at : {Duration{0}, Duration{seconds{7}}, Duration{minutes{100}}}) {
      SlidingHistogram sliding;
      const Instant then{at};
      sliding.record(then, 1);

      EXPECT_EQ(sliding.snapshot(window, then + span_of(window)).count(), 1u);
      EXPECT_EQ(sliding.snapshot(window, then + span_of(window) + slot_of(window)).count(), 0u);
    }
  }
}

TEST(SlidingHistogram, ForgetsWithoutAnyNewValue) {
  SlidingHistogram sliding;
  sliding.record({seconds{5}}, 1);

  EXPECT_EQ(sliding.snapshot(Window::fifteen_minutes, {std::chrono::hours{5}}).count(), 0u);
}

TEST(SlidingHistogram, ComesBackAfterALongPauseWithoutOldValues) {
  SlidingHistogram sliding;
  // As many slots as every ring has, so that each holds something old.
  for (int i = 0; i < 30; ++i) sliding.record({minutes{i}}, 7);
  const Instant later{std::chrono::hours{9}};

  sliding.record(later, 9);

  for (const Window window : kWindows) {
    EXPECT_EQ(sliding.snapshot(window, later).count(), 1u);
    EXPECT_EQ(sliding.snapshot(window, later).max(), 9u);
  }
}

TEST(SlidingHistogram, CountsAStepBackAsNow) {
  SlidingHistogram sliding;
  sliding.record({seconds{20}}, 1);

  sliding.record({seconds{19}}, 2);

  EXPECT_EQ(sliding.snapshot(Window::one_minute, {seconds{20}}).count(), 2u);
}

struct Recorded {
  Instant at;
  std::uint64_t value;
};

/// Checks one snapshot against everything recorded: nothing of the window may be missing, nothing
/// older than window and slot may be there, and quantiles keep their bound.
void expect_fits(const SlidingHistogram& sliding, const std::vector<Recorded>& all, Window window,
                 Instant now) {
  const auto slot = slot_of(window);
  const std::int64_t oldest = (now - span_of(window)).since_start / slot;
  std::vector<std::uint64_t> expected;
  std::size_t in_window = 0;
  for (const Recorded& r : all) {
    if (now - r.at <= span_of(window)) ++in_window;
    const bool counts = now.since_start < span_of(window) || r.at.since_start / slot >= oldest;
    if (counts) expected.push_back(r.value);
  }
  const Distribution seen = sliding.snapshot(window, now);
  ASSERT_GE(seen.count(), in_window);
  ASSERT_EQ(seen.count(), expected.size());
  if (expected.empty()) return;
  std::ranges::sort(expected);
  ASSERT_EQ(seen.max(), expected.back());
  for (const double q : {0.5, 0.95, 0.99}) {
    const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(expected.size())));
    const std::uint64_t exact = expected[rank - 1];
    ASSERT_GE(seen.quantile(q), exact);
    ASSERT_LE(static_cast<double>(seen.quantile(q) - exact), 0.016 * static_cast<double>(exact));
  }
}

TEST(SlidingHistogram, ShowsJustWhatWasRecordedInTheWindow) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    base::Rng rng(seed);
    base::VirtualClock clock;
    SlidingHistogram sliding;
    std::vector<Recorded> all;
    for (int step = 0; step < 400; ++step) {
      // Mostly short steps, sometimes a pause that outlasts slots or whole windows.
      const std::uint64_t longest = rng.below(20) == 0 ? 1200 : 8;
      clock.advance_to(clock.now() +
                       Duration{static_cast<std::int64_t>(rng.below(longest * 1'000'000'000))});
      const std::uint64_t value = rng.next() >> (22 + rng.below(42));
      sliding.record(clock.now(), value);
      all.push_back({clock.now(), value});
      if (step % 10 != 0) continue;
      for (const Window window : kWindows) {
        expect_fits(sliding, all, window, clock.now());
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST(SlidingHistogram, MayBeReadWhileItIsWritten) {
  constexpr std::int64_t kSlots = 300;
  constexpr std::uint64_t kPerSlot = 50;
  SlidingHistogram sliding;
  std::atomic<std::int64_t> second{0};
  std::atomic<bool> written{false};
  auto writer = rt::Thread::start("writer", [&] {
    for (std::int64_t s = 0; s < kSlots; ++s) {
      second.store(10 * s, std::memory_order_release);
      for (std::uint64_t i = 0; i < kPerSlot; ++i) sliding.record({seconds{10 * s}}, i);
    }
    written.store(true, std::memory_order_release);
  });
  ASSERT_TRUE(writer.has_value());

  std::uint64_t wrong = 0;
  while (!written.load(std::memory_order_acquire)) {
    const Instant now{seconds{second.load(std::memory_order_acquire)}};
    const Distribution seen = sliding.snapshot(Window::one_minute, now);
    // Six whole slots and the one in progress; a slot seen half cleared would break the maximum.
    if (seen.count() > 7 * kPerSlot || seen.max() >= kPerSlot) ++wrong;
  }
  writer->join();

  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(sliding.snapshot(Window::one_minute, {seconds{10 * (kSlots - 1)}}).count(),
            7 * kPerSlot);
}

TEST(SlidingHistogram, RecordsWithoutAllocatingOrLockingEvenWhenASlotBegins) {
  SlidingHistogram sliding;

  EXPECT_EQ(rt::breaches_in([&] {
              for (int i = 0; i < 100; ++i) sliding.record({seconds{7 * i}}, 1);
            }),
            0u);
}

}  // namespace
}  // namespace millrace::metrics
