#include "millrace/metrics/node_stats.hpp"

#include <gtest/gtest.h>

#include "millrace/rt/guard.hpp"

namespace millrace::metrics {
namespace {

using base::DropReason;
using base::Duration;
using base::Instant;
using std::chrono::microseconds;
using std::chrono::seconds;

TEST(NodeStats, BeginsAtZero) {
  const NodeStats stats;

  EXPECT_EQ(stats.in(), 0u);
  EXPECT_EQ(stats.out(), 0u);
  EXPECT_EQ(stats.merged(), 0u);
  EXPECT_EQ(stats.dropped(), 0u);
  EXPECT_EQ(stats.queue_depth_max(), 0u);
  EXPECT_EQ(stats.latency_ever().count(), 0u);
}

TEST(NodeStats, KeepsLatencyAndWaitApart) {
  NodeStats stats;
  const Instant now{seconds{3}};

  stats.record_latency(now, microseconds{50});
  stats.record_queue_wait(now, microseconds{900});
  stats.record_queue_wait(now, microseconds{900});

  const auto latency = stats.latency().snapshot(Window::one_minute, now);
  const auto wait = stats.queue_wait().snapshot(Window::one_minute, now);
  EXPECT_EQ(latency.count(), 1u);
  EXPECT_EQ(latency.max(), 50'000u);
  EXPECT_EQ(wait.count(), 2u);
  EXPECT_EQ(wait.max(), 900'000u);
}

TEST(NodeStats, RemembersLatencyForEverBesideTheWindows) {
  NodeStats stats;
  stats.record_latency({seconds{3}}, microseconds{50});
  const Instant much_later{std::chrono::hours{2}};

  EXPECT_EQ(stats.latency().snapshot(Window::fifteen_minutes, much_later).count(), 0u);
  EXPECT_EQ(stats.latency_ever().count(), 1u);
}

TEST(NodeStats, CountsAClockStepBackAsNoTime) {
  NodeStats stats;

  stats.record_latency({seconds{3}}, Duration{-5});

  EXPECT_EQ(stats.latency_ever().max(), 0u);
  EXPECT_EQ(stats.latency_ever().count(), 1u);
}

TEST(NodeStats, CountsDropsByReason) {
  NodeStats stats;

  for (std::size_t r = 0; r < base::kDropReasons; ++r)
    stats.add_dropped(static_cast<DropReason>(r), r + 1);

  EXPECT_EQ(stats.dropped(DropReason::overflow), 1u);
  EXPECT_EQ(stats.dropped(DropReason::failed), base::kDropReasons);
  EXPECT_EQ(stats.dropped(), 21u);
}

TEST(NodeStats, CountsWhatDeadlinesCost) {
  NodeStats stats;
  stats.add_deadline_warning();
  stats.add_deadline_warning();
  for (std::size_t action = 0; action < kGiveUps; ++action)
    for (std::size_t i = 0; i <= action; ++i) stats.add_given_up(action);

  EXPECT_EQ(stats.deadline_warnings(), 2u);
  for (std::size_t action = 0; action < kGiveUps; ++action)
    EXPECT_EQ(stats.given_up(action), action + 1);
}

TEST(NodeStats, CanShowThatEveryPacketIsAccountedFor) {
  NodeStats stats;
  stats.add_in(10);
  stats.add_out(5);
  stats.add_merged(2);
  stats.add_dropped(DropReason::max_age);
  stats.set_queue_depth(4);
  stats.set_queue_depth(2);

  EXPECT_EQ(stats.in(), stats.out() + stats.queue_depth() + stats.merged() + stats.dropped());
  EXPECT_EQ(stats.queue_depth_max(), 4u);
}

TEST(NodeStats, RecordsWithoutAllocatingOrLocking) {
  NodeStats stats;

  EXPECT_EQ(rt::breaches_in([&] {
              stats.record_latency({seconds{100}}, Duration{1});
              stats.record_queue_wait({seconds{100}}, Duration{1});
              stats.set_queue_depth(1);
              stats.add_in();
              stats.add_out();
              stats.add_merged();
              stats.add_dropped(DropReason::closed);
            }),
            0u);
}

}  // namespace
}  // namespace millrace::metrics
