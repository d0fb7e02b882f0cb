#include "millrace/policy/overflow.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <set>
#include <string_view>

#include "millrace/base/rng.hpp"

namespace millrace::policy {
namespace {

using std::chrono::milliseconds;

QueueBounds bounds(OverflowPolicy policy) {
  return {.policy = policy, .capacity = 3, .max_bytes = 100, .markers = 2, .max_age = {}};
}

constexpr QueueLoad kFull{.packets = 3, .bytes = 30};

TEST(Overflow, EveryPolicyHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (int i = 0; i < 5; ++i) names.insert(name(static_cast<OverflowPolicy>(i)));

  EXPECT_EQ(names.size(), 5U);
  EXPECT_TRUE(names.contains("merge_on_overflow"));
}

TEST(Overflow, AcceptsWhileThereIsRoomForPacketsAndBytes) {
  for (const OverflowPolicy policy : {OverflowPolicy::drop_oldest, OverflowPolicy::drop_newest,
                                      OverflowPolicy::block, OverflowPolicy::merge_on_overflow}) {
    const QueueDecision decision =
        decide_arrival(bounds(policy), {.packets = 2, .bytes = 90}, {.bytes = 10});

    EXPECT_EQ(decision.action, QueueAction::accept) << name(policy);
  }
}

TEST(Overflow, DropOldestSaysHowManyHaveToGo) {
  EXPECT_EQ(decide_arrival(bounds(OverflowPolicy::drop_oldest), kFull, {}).action,
            QueueAction::drop_oldest);
  EXPECT_EQ(decide_arrival(bounds(OverflowPolicy::drop_oldest), kFull, {}).count, 1U);
  EXPECT_EQ(decide_arrival(bounds(OverflowPolicy::drop_oldest), {.packets = 5}, {}).count, 3U);
}

TEST(Overflow, DropOldestMakesRoomForBytesOneByOne) {
  const QueueDecision decision = decide_arrival(bounds(OverflowPolicy::drop_oldest),
                                                {.packets = 2, .bytes = 91}, {.bytes = 10});

  EXPECT_EQ(decision.action, QueueAction::drop_oldest);
  EXPECT_EQ(decision.count, 1U);
  EXPECT_EQ(decision.reason, base::DropReason::overflow);
}

TEST(Overflow, DropNewestRefusesAndBlockLeavesItWithItsSender) {
  EXPECT_EQ(decide_arrival(bounds(OverflowPolicy::drop_newest), kFull, {}).action,
            QueueAction::drop_newest);
  EXPECT_EQ(decide_arrival(bounds(OverflowPolicy::drop_newest), kFull, {}).count, 1U);
  EXPECT_EQ(decide_arrival(bounds(OverflowPolicy::block), kFull, {}).action, QueueAction::block);
}

TEST(Overflow, MergesWhereItCanAndElseDropsTheOldest) {
  const QueueBounds merging = bounds(OverflowPolicy::merge_on_overflow);

  EXPECT_EQ(decide_arrival(merging, kFull, {.mergeable = true}).action, QueueAction::merge);
  EXPECT_EQ(decide_arrival(merging, kFull, {.mergeable = false}).action, QueueAction::drop_oldest);
  EXPECT_EQ(decide_arrival(merging, kFull, {.bytes = 90, .mergeable = true}).action,
            QueueAction::drop_oldest);
}

TEST(Overflow, LatestOnlyKeepsTheNewestAloneEvenWithRoom) {
  const QueueDecision first = decide_arrival(bounds(OverflowPolicy::latest_only), {}, {});
  const QueueDecision second =
      decide_arrival(bounds(OverflowPolicy::latest_only), {.packets = 1}, {});

  EXPECT_EQ(first.action, QueueAction::accept);
  EXPECT_EQ(second.action, QueueAction::keep_latest);
  EXPECT_EQ(second.count, 1U);
}

TEST(Overflow, TakesAHugePacketIntoAnEmptyQueueSoThatNothingWaitsForEver) {
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(decide_arrival(bounds(static_cast<OverflowPolicy>(i)), {}, {.bytes = 1'000}).action,
              QueueAction::accept);
}

TEST(Overflow, AQueueWithoutCapacityRefusesInsteadOfDroppingFromNothing) {
  QueueBounds none = bounds(OverflowPolicy::drop_oldest);
  none.capacity = 0;

  EXPECT_EQ(decide_arrival(none, {}, {}).action, QueueAction::drop_newest);
}

TEST(Overflow, AnOldHeadExpiresBeforeAnythingElse) {
  QueueBounds aging = bounds(OverflowPolicy::block);
  aging.max_age = milliseconds{200};
  QueueLoad load = kFull;
  load.head_age = milliseconds{200};
  EXPECT_EQ(decide_arrival(aging, load, {}).action, QueueAction::block);
  EXPECT_FALSE(head_expired(aging, load));

  load.head_age += base::Duration{1};
  const QueueDecision decision = decide_arrival(aging, load, {});

  EXPECT_EQ(decision.action, QueueAction::expire_head);
  EXPECT_EQ(decision.reason, base::DropReason::max_age);
  EXPECT_TRUE(head_expired(aging, load));
  EXPECT_FALSE(head_expired(aging, {.packets = 0, .head_age = milliseconds{900}}));
}

TEST(Overflow, MarkersAreNeverDroppedAndOnlyTheirOwnBoundStopsThem) {
  for (int i = 0; i < 5; ++i) {
    QueueLoad load = kFull;
    load.markers = 1;
    EXPECT_EQ(decide_arrival(bounds(static_cast<OverflowPolicy>(i)), load, {.marker = true}).action,
              QueueAction::accept);
    load.markers = 2;
    EXPECT_EQ(decide_arrival(bounds(static_cast<OverflowPolicy>(i)), load, {.marker = true}).action,
              QueueAction::block);
  }
}

TEST(Overflow, MarkersDoNotCountAgainstTheCapacity) {
  EXPECT_EQ(
      decide_arrival(bounds(OverflowPolicy::drop_newest), {.packets = 2, .markers = 2}, {}).action,
      QueueAction::accept);
}

// A queue that does what it is told: bounds hold and every packet is accounted for.
TEST(OverflowProperty, BoundsHoldAndNoPacketIsUnaccountedFor) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    base::Rng rng(seed);
    QueueBounds limits = bounds(static_cast<OverflowPolicy>(rng.below(5)));
    if (rng.below(2) == 0) limits.max_age = milliseconds{5};
    struct Item {
      std::uint64_t bytes;
      std::int64_t born_ms;
    };
    std::deque<Item> queue;
    std::uint64_t bytes = 0;
    std::uint64_t in = 0, out = 0, merged = 0, dropped = 0;
    const auto take_head = [&] {
      bytes -= queue.front().bytes;
      queue.pop_front();
    };
    for (std::int64_t now_ms = 0; now_ms < 400; ++now_ms) {
      if (!queue.empty() && rng.below(3) == 0) {
        take_head();
        ++out;
      }
      const Arrival arrival{
          .bytes = rng.below(70), .marker = false, .mergeable = rng.below(2) == 0};
      for (bool done = false; !done;) {
        const base::Duration age =
            queue.empty() ? base::Duration{0} : milliseconds{now_ms - queue.front().born_ms};
        const QueueDecision decision = decide_arrival(
            limits,
            {.packets = static_cast<std::uint32_t>(queue.size()), .bytes = bytes, .head_age = age},
            arrival);
        done = true;
        switch (decision.action) {
          case QueueAction::keep_latest:
          case QueueAction::drop_oldest:
          case QueueAction::expire_head:
            ASSERT_GE(decision.count, 1U);
            for (std::uint32_t i = 0; i < decision.count; ++i, ++dropped) take_head();
            done = decision.action == QueueAction::keep_latest;
            if (!done) continue;
            [[fallthrough]];
          case QueueAction::accept:
            ++in;
            queue.push_back({arrival.bytes, now_ms});
            bytes += arrival.bytes;
            break;
          case QueueAction::drop_newest:
            ++in;
            ++dropped;
            break;
          case QueueAction::merge:
            ++in;
            ++merged;
            queue.back().bytes += arrival.bytes;
            bytes += arrival.bytes;
            break;
          case QueueAction::block: break;
        }
      }
      ASSERT_LE(queue.size(), limits.capacity);
      ASSERT_LE(bytes, limits.max_bytes);
      ASSERT_EQ(in, out + queue.size() + merged + dropped);
    }
  }
}

}  // namespace
}  // namespace millrace::policy
