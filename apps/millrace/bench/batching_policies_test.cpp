#include "apps/millrace/bench/batching_policies.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace millrace::app {
namespace {

using std::chrono::milliseconds;

constexpr BatchCost kCost{"test", milliseconds{30}, milliseconds{10}};

/// Requests of sessions of their own at the given milliseconds.
std::vector<BatchRequest> trace(std::initializer_list<std::int64_t> at_ms) {
  std::vector<BatchRequest> all;
  for (const std::int64_t ms : at_ms) {
    const auto number = static_cast<std::uint32_t>(all.size() + 1);
    all.push_back({{milliseconds{ms}}, number, number});
  }
  return all;
}

void arrive(BatchScheduler& scheduler, const std::vector<BatchRequest>& all) {
  for (std::uint32_t i = 0; i < all.size(); ++i) scheduler.arrived(i, all[i], all[i].at + kInTime);
}

base::Instant at(std::int64_t ms) {
  return {milliseconds{ms}};
}

TEST(Schedulers, UnbatchedRunsOneAtATimeInOrder) {
  const auto scheduler = unbatched_scheduler();
  arrive(*scheduler, trace({0, 1}));

  EXPECT_TRUE(scheduler->next(at(1), false).start.empty());
  EXPECT_EQ(scheduler->next(at(1), true).start, std::vector<std::uint32_t>{0});
  EXPECT_EQ(scheduler->next(at(1), true).start, std::vector<std::uint32_t>{1});
}

TEST(Schedulers, FixedWaitStartsAFullBatchOrWhenItsFirstHasWaited) {
  const auto scheduler = fixed_wait_scheduler(3, milliseconds{50});
  arrive(*scheduler, trace({0, 10}));
  EXPECT_EQ(scheduler->next(at(10), true).wake_at, at(50));
  EXPECT_EQ(scheduler->next(at(50), true).start.size(), 2U);
  arrive(*scheduler, trace({60, 61, 62}));

  EXPECT_EQ(scheduler->next(at(62), true).start.size(), 3U);
}

TEST(Schedulers, AimdGrowsByOneAndShrinksByATenth) {
  const auto scheduler = aimd_scheduler(4);
  arrive(*scheduler, trace({0, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(scheduler->next(at(0), true).start.size(), 1U);
  scheduler->finished(at(10), milliseconds{10});
  EXPECT_EQ(scheduler->next(at(10), true).start.size(), 2U);
  scheduler->finished(at(20), milliseconds{10});
  scheduler->finished(at(30), kInTime + milliseconds{1});

  EXPECT_EQ(scheduler->next(at(30), true).start.size(), 2U) << "2.7 of 3";
}

TEST(Schedulers, EarliestDeadlineDropsTheHopelessAndKeepsItsFirstInTime) {
  const auto scheduler = earliest_deadline_scheduler(8, kCost);
  arrive(*scheduler, trace({0, 100, 200, 210}));

  EXPECT_EQ(scheduler->next(at(350), true).start, (std::vector<std::uint32_t>{1, 2}))
      << "the first is past saving; the second has 50 ms: enough for itself and one more";
}

TEST(Schedulers, AllDropWhatIsPastItsDeadline) {
  for (const auto& scheduler :
       {our_scheduler(8), unbatched_scheduler(), fixed_wait_scheduler(8, milliseconds{5}),
        aimd_scheduler(8), earliest_deadline_scheduler(8, kCost)}) {
    arrive(*scheduler, trace({0}));
    EXPECT_TRUE(scheduler->next(at(300), true).start.empty());
  }
}

}  // namespace
}  // namespace millrace::app
