#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "millrace/policy/batcher.hpp"

namespace millrace::policy {
namespace {

using std::chrono::milliseconds;
using What = BatchDecision::What;
using Ids = std::vector<std::uint64_t>;

base::Instant at(std::int64_t ms) {
  return {milliseconds{ms}};
}

struct Of {
  std::uint32_t session = 1;
  std::int64_t ms = 0;
  std::int64_t deadline_ms = 0;  ///< 0: none
  bool first = false;
  std::uint64_t group = 0;  ///< 0: that of the session
  std::uint32_t size = 1;
};

void push(Batcher& batcher, std::uint64_t id, const Of& of = {}) {
  BatchInput one{.id = id,
                 .session = of.session,
                 .group = of.group > 0 ? of.group : of.session,
                 .arrival = at(of.ms),
                 .first_chunk = of.first,
                 .size = of.size};
  if (of.deadline_ms > 0) one.deadline = at(of.deadline_ms);
  (void)batcher.push(one);
}

Ids ids(const BatchDecision& decision) {
  Ids all;
  for (const BatchItem& item : decision.inputs) all.push_back(item.id);
  return all;
}

Batcher across(std::uint32_t max_batch = 8, bool drop_hopeless = false) {
  return Batcher({.overflow = OverflowPolicy::drop_oldest,
                  .across_sessions = true,
                  .max_batch = max_batch,
                  .drop_hopeless = drop_hopeless});
}

/// Runs batches of four inputs and of one that cost fixed + each * size, long before time 0.
void teach(Batcher& batcher, int fixed_ms, int each_ms) {
  std::uint64_t id = 1'000'000;
  std::int64_t now = -10'000;
  for (const std::uint32_t size : {4U, 1U}) {
    for (std::uint32_t i = 0; i < size; ++i) push(batcher, ++id, {.session = 500 + i, .ms = now});
    const BatchDecision decision = batcher.next(at(now), true);
    ASSERT_EQ(decision.inputs.size(), size);
    const auto took = milliseconds{fixed_ms + each_ms * static_cast<int>(size)};
    (void)batcher.finished(decision.run, at(now + 500), took);
    now += 2000;
  }
}

TEST(GreedyBatcher, OneInputAloneStartsAtOnce) {
  Batcher batcher = across();
  push(batcher, 1);
  const BatchDecision decision = batcher.next(at(0), true);

  EXPECT_EQ(decision.what, What::start);
  EXPECT_EQ(ids(decision), Ids{1});
  EXPECT_EQ(batcher.next(at(0), true).what, What::nothing);
}

TEST(GreedyBatcher, ABatchIsWhatGatheredWhileTheNodeWasBusy) {
  Batcher batcher = across();
  push(batcher, 1);
  const std::uint32_t run = batcher.next(at(0), true).run;
  for (std::uint32_t i = 2; i <= 5; ++i) push(batcher, i, {.session = i, .ms = i});
  EXPECT_EQ(batcher.next(at(10), false).what, What::nothing);
  (void)batcher.finished(run, at(50), milliseconds{50});

  EXPECT_EQ(ids(batcher.next(at(50), true)), (Ids{2, 3, 4, 5}));
}

TEST(GreedyBatcher, InputsSlowerThanMinBatchSizeDoNotWaitForIt) {
  Batcher batcher({.min_batch_size = 10, .max_wait = milliseconds{1000}});
  for (std::uint64_t id = 1; id <= 5; ++id) {
    push(batcher, id, {.ms = static_cast<std::int64_t>(100 * id)});
    const BatchDecision decision = batcher.next(at(static_cast<std::int64_t>(100 * id)), true);
    EXPECT_EQ(ids(decision), Ids{id});
    (void)batcher.finished(decision.run, at(static_cast<std::int64_t>(100 * id)), milliseconds{1});
  }
}

TEST(GreedyBatcher, KeepsToTheSlotsOfTheNode) {
  Batcher batcher({.max_running = 2});
  for (std::uint32_t i = 1; i <= 3; ++i) push(batcher, i, {.session = i});

  const std::uint32_t first = batcher.next(at(0), true).run;
  const std::uint32_t second = batcher.next(at(0), true).run;
  EXPECT_NE(first, second);
  EXPECT_EQ(batcher.next(at(0), true).what, What::nothing);
  (void)batcher.finished(first, at(9), milliseconds{9});
  EXPECT_EQ(batcher.next(at(9), true).what, What::start);
}

TEST(GreedyBatcher, TakesNoMoreThanMaxBatchOrItsUnits) {
  Batcher batcher = across(3);
  for (std::uint32_t i = 1; i <= 5; ++i) push(batcher, i, {.session = i});
  EXPECT_EQ(ids(batcher.next(at(0), true)), (Ids{1, 2, 3}));

  Batcher weighed({.across_sessions = true, .max_batch_units = 10});
  push(weighed, 1, {.size = 50});
  push(weighed, 2, {.size = 4});
  const BatchDecision alone = weighed.next(at(0), true);
  EXPECT_EQ(ids(alone), Ids{1}) << "too large for any batch: alone, not never";
  (void)weighed.finished(alone.run, at(0), milliseconds{1});
  push(weighed, 3, {.size = 6});
  push(weighed, 4, {.size = 1});
  EXPECT_EQ(ids(weighed.next(at(0), true)), (Ids{2, 3}));
}

TEST(GreedyBatcher, ConcatenationStaysWithinOneGroup) {
  for (const MergeStrategy strategy :
       {MergeStrategy::concatenate_text, MergeStrategy::concatenate_audio, MergeStrategy::custom}) {
    Batcher batcher({.strategy = strategy, .across_sessions = true});
    push(batcher, 1, {.session = 1, .group = 10});
    push(batcher, 2, {.session = 2, .group = 20});
    push(batcher, 3, {.session = 1, .group = 10});
    push(batcher, 4, {.session = 1, .group = 11});
    push(batcher, 5, {.session = 1, .group = 10});

    EXPECT_EQ(ids(batcher.next(at(0), true)), (Ids{1, 3})) << "and never over what lies between";
  }
}

TEST(GreedyBatcher, KeepSeparateJoinsSessionsOnlyForANodeThatDeclaresIt) {
  Batcher within({.across_sessions = false});
  for (std::uint32_t i = 1; i <= 4; ++i) push(within, i, {.session = i % 2});

  EXPECT_EQ(ids(within.next(at(0), true)), (Ids{1, 3}));
  Batcher joined = across();
  for (std::uint32_t i = 1; i <= 4; ++i) push(joined, i, {.session = i % 2});
  EXPECT_EQ(ids(joined.next(at(0), true)), (Ids{1, 2, 3, 4}));
}

TEST(GreedyBatcher, FirstChunksGoBeforeLaterOnesAndThenTheEarliestDeadline) {
  Batcher batcher = across(1);
  push(batcher, 1, {.session = 1, .deadline_ms = 900});
  push(batcher, 2, {.session = 2, .deadline_ms = 500});
  push(batcher, 3, {.session = 3, .deadline_ms = 950, .first = true});
  Ids order;
  for (int i = 0; i < 3; ++i) {
    const BatchDecision decision = batcher.next(at(0), true);
    order.push_back(decision.inputs[0].id);
    (void)batcher.finished(decision.run, at(0), milliseconds{10});
  }

  EXPECT_EQ(order, (Ids{3, 2, 1}));
}

TEST(GreedyBatcher, TheHeadOfASessionInheritsTheHasteOfThoseBehindIt) {
  Batcher batcher = across(1);
  push(batcher, 1, {.session = 1, .deadline_ms = 900});
  push(batcher, 2, {.session = 2, .deadline_ms = 800});
  push(batcher, 3, {.session = 1, .deadline_ms = 300});

  EXPECT_EQ(ids(batcher.next(at(0), true)), Ids{1});
}

TEST(GreedyBatcher, FirstChunksGiveWayWhenThatSavesAnotherAndMakesNoneLate) {
  for (const std::int64_t first_deadline : {300, 70}) {
    Batcher batcher = across();
    ASSERT_NO_FATAL_FAILURE(teach(batcher, 30, 10));
    batcher.hint(1);
    push(batcher, 1, {.session = 1, .deadline_ms = 50});
    push(batcher, 2, {.session = 2, .deadline_ms = first_deadline, .first = true});

    EXPECT_EQ(ids(batcher.next(at(0), true)), Ids{first_deadline == 300 ? 1U : 2U});
  }
}

TEST(GreedyBatcher, AFloodGoesAfterTheSharesOfOthers) {
  Batcher batcher = across(4);
  ASSERT_NO_FATAL_FAILURE(teach(batcher, 3, 1));
  for (std::uint64_t id = 1; id <= 20; ++id) push(batcher, id, {.session = 1, .deadline_ms = 5000});
  for (std::uint32_t i = 0; i < 3; ++i)
    push(batcher, 100 + i, {.session = 2 + i, .ms = 1, .deadline_ms = 5001});
  (void)batcher.finished(batcher.next(at(1), true).run, at(10), milliseconds{9});

  EXPECT_EQ(ids(batcher.next(at(10), true)), (Ids{5, 100, 101, 102}));
}

TEST(GreedyBatcher, IsCutForADeadlineThatTheWholeWouldMiss) {
  Batcher batcher = across();
  ASSERT_NO_FATAL_FAILURE(teach(batcher, 40, 20));
  push(batcher, 1, {.session = 1, .deadline_ms = 80});
  for (std::uint32_t i = 2; i <= 4; ++i) push(batcher, i, {.session = i, .deadline_ms = 400});

  EXPECT_EQ(ids(batcher.next(at(0), true)), (Ids{1, 2})) << "40 + 2 * 20 is in time, 3 are not";
  EXPECT_EQ(batcher.counters().capped, 1U);
}

TEST(GreedyBatcher, IsNotCutWhereThatMakesMoreLate) {
  Batcher batcher = across();
  ASSERT_NO_FATAL_FAILURE(teach(batcher, 100, 1));
  push(batcher, 1, {.session = 1, .deadline_ms = 102});
  for (std::uint32_t i = 2; i <= 5; ++i) push(batcher, i, {.session = i, .deadline_ms = 110});

  EXPECT_EQ(ids(batcher.next(at(0), true)), (Ids{1, 2, 3, 4, 5}));
}

TEST(GreedyBatcher, WithDropItLeavesOutWhatTheBatchMakesLate) {
  Batcher batcher = across(8, true);
  ASSERT_NO_FATAL_FAILURE(teach(batcher, 100, 1));
  push(batcher, 1, {.session = 1, .deadline_ms = 102});
  for (std::uint32_t i = 2; i <= 5; ++i) push(batcher, i, {.session = i, .deadline_ms = 110});
  const BatchDecision decision = batcher.next(at(0), true);

  EXPECT_EQ(ids(decision), (Ids{2, 3, 4, 5}));
  ASSERT_EQ(decision.dropped.size(), 1U);
  EXPECT_EQ(decision.dropped[0].id, 1U);
  EXPECT_EQ(decision.dropped[0].reason, base::DropReason::deadline);
}

TEST(GreedyBatcher, WhatCannotBeInTimeRunsLastOrWithDropNotAtAll) {
  for (const bool drop : {false, true}) {
    Batcher batcher = across(1, drop);
    batcher.declare_average(milliseconds{50});
    push(batcher, 1, {.session = 1, .deadline_ms = 20});
    push(batcher, 2, {.session = 2, .deadline_ms = 500});
    const BatchDecision decision = batcher.next(at(0), true);

    EXPECT_EQ(ids(decision), Ids{2});
    EXPECT_EQ(decision.dropped.size(), drop ? 1U : 0U);
    EXPECT_EQ(batcher.waiting(), drop ? 0U : 1U);
  }
}

TEST(GreedyBatcher, LearnsItsCurveByDoublingWhileThereAreDeadlines) {
  Batcher batcher = across();
  std::vector<std::size_t> sizes;
  for (int round = 0; round < 3; ++round) {
    for (std::uint32_t i = 0; i < 8; ++i)
      push(batcher, 100U * (round + 1) + i, {.session = i, .deadline_ms = 100'000});
    const BatchDecision decision = batcher.next(at(0), true);
    sizes.push_back(decision.inputs.size());
    (void)batcher.finished(decision.run, at(0),
                           milliseconds{10 + 3 * static_cast<int>(decision.inputs.size())});
  }

  EXPECT_EQ(sizes, (std::vector<std::size_t>{1, 2, 8}));
}

TEST(GreedyBatcher, WaitsForTheRestOfABurstInFlightAndNotLonger) {
  Batcher batcher = across();
  ASSERT_NO_FATAL_FAILURE(teach(batcher, 40, 3));
  push(batcher, 1, {.session = 1, .ms = 100});
  const std::uint32_t run = batcher.next(at(100), true).run;
  push(batcher, 2, {.session = 2, .ms = 102});
  push(batcher, 3, {.session = 3, .ms = 104});
  (void)batcher.finished(run, at(104), milliseconds{43});
  const BatchDecision wait = batcher.next(at(104), true);

  EXPECT_EQ(wait.what, What::wake);
  EXPECT_EQ(wait.wake_at, at(108)) << "twice the gap after the last";
  push(batcher, 4, {.session = 4, .ms = 106});
  EXPECT_EQ(batcher.next(at(106), true).wake_at, at(109)) << "5 ms after the node became idle";
  EXPECT_EQ(ids(batcher.next(at(109), true)), (Ids{2, 3, 4}));
  EXPECT_EQ(batcher.counters().coalescing_waits, 1U);
}

TEST(GreedyBatcher, DoesNotWaitForABurstThatSavesLessThanTheWait) {
  Batcher batcher = across();
  ASSERT_NO_FATAL_FAILURE(teach(batcher, 3, 3));
  push(batcher, 1, {.session = 1, .ms = 100});
  const std::uint32_t run = batcher.next(at(100), true).run;
  push(batcher, 2, {.session = 2, .ms = 102});
  push(batcher, 3, {.session = 3, .ms = 104});
  (void)batcher.finished(run, at(104), milliseconds{6});

  EXPECT_EQ(ids(batcher.next(at(104), true)), (Ids{2, 3}));
}

// 10 + 30 b: one after the other, the four are done after 40, 80, 120 and 160 ms; together after
// 130.
TEST(GreedyBatcher, DoesNotMakeTheFirstWaitForTheLastWhereThatGainsLittle) {
  Batcher batcher = across();
  ASSERT_NO_FATAL_FAILURE(teach(batcher, 10, 30));
  for (std::uint32_t i = 1; i <= 4; ++i) push(batcher, i, {.session = i, .ms = 100});

  EXPECT_LE(batcher.next(at(100), true).inputs.size(), 2U);
}

TEST(GreedyBatcher, TakesAllWhereTheFixedPartPrevails) {
  Batcher batcher = across();
  ASSERT_NO_FATAL_FAILURE(teach(batcher, 40, 3));
  for (std::uint32_t i = 1; i <= 4; ++i) push(batcher, i, {.session = i, .ms = 100});

  EXPECT_EQ(batcher.next(at(100), true).inputs.size(), 4U);
}

TEST(GreedyBatcher, TakesAllWhileThereIsNoTimeToSpare) {
  Batcher batcher = across();
  ASSERT_NO_FATAL_FAILURE(teach(batcher, 10, 30));
  std::int64_t ms = 100;
  for (std::uint32_t i = 1; i <= 600; ++i) {
    push(batcher, i, {.session = i % 8, .ms = ++ms, .deadline_ms = ms + 1});
    (void)batcher.next(at(ms + 2), false);  // expired at once: only the rhythm is learned
  }
  for (std::uint32_t i = 1001; i <= 1004; ++i) push(batcher, i, {.session = i, .ms = ++ms});

  EXPECT_EQ(batcher.next(at(ms), true).inputs.size(), 4U);
}

TEST(GreedyBatcher, ALoneInputNeverWaitsWhateverTheRhythm) {
  Batcher batcher = across();
  ASSERT_NO_FATAL_FAILURE(teach(batcher, 40, 3));
  for (std::uint64_t id = 1; id <= 6; ++id) {
    const auto ms = static_cast<std::int64_t>(100 + 2 * id);
    push(batcher, id, {.ms = ms});
    const BatchDecision decision = batcher.next(at(ms), true);
    EXPECT_EQ(ids(decision), Ids{id});
    (void)batcher.finished(decision.run, at(ms), milliseconds{43});
  }
}

TEST(GreedyBatcher, TheHintIsTheLargestBatchUntilItIsTakenBack) {
  Batcher batcher = across();
  batcher.hint(2);
  for (std::uint32_t i = 1; i <= 8; ++i) push(batcher, i, {.session = i});
  const BatchDecision hinted = batcher.next(at(0), true);
  EXPECT_EQ(hinted.inputs.size(), 2U);
  (void)batcher.finished(hinted.run, at(0), milliseconds{1});
  batcher.hint(0);

  EXPECT_EQ(batcher.next(at(0), true).inputs.size(), 6U);
}

// Fixed ------------------------------------------------------------------------------------------

Batcher fixed(std::uint32_t min, int wait_ms, std::uint32_t buffer = 50) {
  return Batcher({.mode = BatchMode::fixed,
                  .overflow = OverflowPolicy::block,
                  .across_sessions = true,
                  .min_batch_size = min,
                  .max_wait = milliseconds{wait_ms},
                  .max_buffer_size = buffer});
}

TEST(FixedBatcher, StartsAtMinBatchSize) {
  Batcher batcher = fixed(3, 100);
  push(batcher, 1, {.session = 1, .ms = 0});
  push(batcher, 2, {.session = 2, .ms = 10});
  EXPECT_EQ(batcher.next(at(10), true).wake_at, at(100));
  push(batcher, 3, {.session = 3, .ms = 20});

  EXPECT_EQ(ids(batcher.next(at(20), true)), (Ids{1, 2, 3}));
}

TEST(FixedBatcher, MaxWaitWinsOverMinBatchSize) {
  Batcher batcher = fixed(3, 100);
  push(batcher, 1, {.ms = 0});
  push(batcher, 2, {.ms = 60});
  EXPECT_EQ(batcher.next(at(99), true).what, What::wake);

  EXPECT_EQ(ids(batcher.next(at(100), true)), (Ids{1, 2}));
}

TEST(FixedBatcher, AFullBufferStartsAtOnce) {
  Batcher batcher = fixed(10, 1000, 4);
  for (std::uint64_t id = 1; id <= 4; ++id) push(batcher, id);

  EXPECT_EQ(ids(batcher.next(at(0), true)), (Ids{1, 2, 3, 4}));
}

TEST(FixedBatcher, CountsTheInputsOfOneGroupOnly) {
  Batcher batcher({.mode = BatchMode::fixed,
                   .strategy = MergeStrategy::concatenate_text,
                   .min_batch_size = 2,
                   .max_wait = milliseconds{100}});
  push(batcher, 1, {.session = 1, .ms = 0});
  push(batcher, 2, {.session = 2, .ms = 1});
  EXPECT_EQ(batcher.next(at(1), true).wake_at, at(100));
  push(batcher, 3, {.session = 2, .ms = 2});

  EXPECT_EQ(ids(batcher.next(at(2), true)), (Ids{2, 3}));
}

TEST(FixedBatcher, TheHintStandsInForMinBatchSize) {
  Batcher batcher = fixed(5, 100);
  batcher.hint(2);
  push(batcher, 1);
  EXPECT_EQ(batcher.next(at(0), true).what, What::wake);
  push(batcher, 2);

  EXPECT_EQ(batcher.next(at(0), true).inputs.size(), 2U);
}

TEST(FixedBatcher, CancelledInputsNoLongerCount) {
  Batcher batcher = fixed(3, 100);
  for (std::uint64_t id = 1; id <= 2; ++id) push(batcher, id);
  EXPECT_EQ(batcher.cancel(1), BatchCancel::removed);
  push(batcher, 3);

  EXPECT_EQ(batcher.next(at(0), true).what, What::wake);
}

}  // namespace
}  // namespace millrace::policy
