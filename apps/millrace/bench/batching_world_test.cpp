#include "apps/millrace/bench/batching_world.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>

#include "apps/millrace/bench/batching_policies.hpp"
#include "millrace/base/rng.hpp"

namespace millrace::app {
namespace {

using std::chrono::milliseconds;

constexpr BatchCost kMemory = kBatchCosts[1];

double rate_of(const std::vector<BatchRequest>& trace) {
  return static_cast<double>(trace.size()) /
         std::chrono::duration<double>(trace.back().at.since_start).count();
}

TEST(BatchCost, GivesTheBoundOnTheGain) {
  EXPECT_NEAR(kBatchCosts[0].bound(8), 43.0 / 8.0, 1e-9);
  EXPECT_NEAR(kMemory.bound(8), 40.0 / 13.75, 1e-9) << "under 3 by arithmetic";
  EXPECT_NEAR(kMemory.bound(9), 40.0 / (30.0 / 9.0 + 10.0), 1e-9);
  EXPECT_NEAR(kMemory.capacity(8), 8.0 / 0.110, 1e-9);
}

TEST(BatchTrace, IsInOrderAtTheRateAskedForAndTheSameForTheSameSeed) {
  for (const TraceKind kind : kTraceKinds) {
    const auto trace = batch_trace(kind, 50.0, 20'000, 3);
    const auto again = batch_trace(kind, 50.0, 20'000, 3);

    EXPECT_TRUE(std::is_sorted(trace.begin(), trace.end(),
                               [](const auto& a, const auto& b) { return a.at < b.at; }));
    EXPECT_NEAR(rate_of(trace), 50.0, 5.0) << name(kind);
    EXPECT_TRUE(std::equal(trace.begin(), trace.end(), again.begin(), again.end(),
                           [](const auto& a, const auto& b) {
                             return a.at == b.at && a.session == b.session && a.turn == b.turn;
                           }));
  }
}

TEST(BatchTrace, ABurstIsOneTurnOfUpToSevenAndOnlyItsFirstIsFirst) {
  std::map<std::uint64_t, int> sizes;
  std::map<std::uint64_t, int> firsts;
  for (const BatchRequest& request : batch_trace(TraceKind::bursts, 50.0, 5'000, 1)) {
    ++sizes[request.turn];
    firsts[request.turn] += request.first ? 1 : 0;
  }

  for (const auto& [turn, size] : sizes) {
    EXPECT_LE(size, 7);
    EXPECT_EQ(firsts[turn], 1);
  }
}

TEST(BatchTrace, TheFloodChangesNothingOfWhatTheOthersSend) {
  const auto alone = beside_a_flood(20.0, 0.0, milliseconds{20'000}, 5);
  auto beside = beside_a_flood(20.0, 60.0, milliseconds{20'000}, 5);
  std::erase_if(beside, [](const BatchRequest& r) { return r.session == kGreedySession; });

  EXPECT_TRUE(std::equal(
      alone.begin(), alone.end(), beside.begin(), beside.end(),
      [](const auto& a, const auto& b) { return a.at == b.at && a.session == b.session; }));
}

TEST(BatchOutcome, CountsWhatNeverRanAsInfinitelyLate) {
  BatchOutcome outcome;
  outcome.latencies = {milliseconds{10}, std::nullopt, milliseconds{30}, milliseconds{20}};

  EXPECT_EQ(outcome.quantile(0.5), milliseconds{20});
  EXPECT_EQ(outcome.quantile(0.75), milliseconds{30});
  EXPECT_EQ(outcome.quantile(0.95), std::nullopt);
}

TEST(SimulateBatching, RunsWhatThePolicyStartsForAsLongAsItCosts) {
  const std::vector<BatchRequest> trace{
      {{milliseconds{0}}, 1, 1}, {{milliseconds{10}}, 2, 2}, {{milliseconds{20}}, 3, 3}};
  const auto greedy = our_scheduler(8);
  const auto single = unbatched_scheduler();

  const BatchOutcome batched = simulate_batching(trace, kMemory, *greedy);
  EXPECT_EQ(batched.latencies[0], milliseconds{40});
  EXPECT_EQ(batched.latencies[1], milliseconds{40 - 10 + 50});
  EXPECT_EQ(batched.latencies[2], milliseconds{40 - 20 + 50});
  EXPECT_EQ(batched.runs, 2U);
  const BatchOutcome unbatched = simulate_batching(trace, kMemory, *single);
  EXPECT_EQ(unbatched.latencies[2], milliseconds{120 - 20});
  EXPECT_EQ(unbatched.in_time, 3U);
}

/// Every schedule, by trial: which requests run together, in order, and which do not run at all.
std::size_t best_by_trial(const std::vector<BatchRequest>& trace, const BatchCost& cost,
                          std::size_t max_batch, std::uint32_t left, base::Instant free_at) {
  std::size_t best = 0;
  for (std::uint32_t batch = left; batch > 0; batch = (batch - 1) & left) {
    std::size_t size = 0;
    base::Instant start = free_at;
    for (std::size_t i = 0; i < trace.size(); ++i) {
      if ((batch >> i & 1U) == 0) continue;
      ++size;
      start = std::max(start, trace[i].at);
    }
    if (size > max_batch) continue;
    const base::Instant end = start + cost.of(size);
    bool in_time = true;
    for (std::size_t i = 0; i < trace.size(); ++i)
      if ((batch >> i & 1U) != 0 && end > trace[i].at + kInTime) in_time = false;
    if (in_time)
      best = std::max(best, size + best_by_trial(trace, cost, max_batch, left & ~batch, end));
  }
  return best;
}

TEST(MostInTime, IsWhatTryingEveryScheduleFinds) {
  base::Rng rng(17);
  for (int round = 0; round < 60; ++round) {
    std::vector<BatchRequest> trace;
    base::Instant now{};
    for (int i = 0; i < 7; ++i) {
      now = now + milliseconds{rng.below(40)};
      trace.push_back({now, 1, 1});
    }
    const BatchCost cost{"tight", milliseconds{30 + rng.below(120)},
                         milliseconds{5 + rng.below(40)}};

    ASSERT_EQ(most_in_time(trace, cost, 3), best_by_trial(trace, cost, 3, 0x7F, {}))
        << "round " << round;
  }
}

TEST(MostInTime, NoPolicyHasMore) {
  for (const BatchCost& cost : kBatchCosts) {
    for (const TraceKind kind : kTraceKinds) {
      const auto trace = batch_trace(kind, 0.9 * cost.capacity(8), 600, 23);
      const std::size_t most = most_in_time(trace, cost, 8);
      for (const auto& scheduler :
           {our_scheduler(8), unbatched_scheduler(), fixed_wait_scheduler(8, milliseconds{20}),
            aimd_scheduler(8), earliest_deadline_scheduler(8, cost)})
        EXPECT_LE(simulate_batching(trace, cost, *scheduler).in_time, most);
    }
  }
}

}  // namespace
}  // namespace millrace::app
