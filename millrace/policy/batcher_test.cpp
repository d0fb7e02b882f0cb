#include "millrace/policy/batcher.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "millrace/base/rng.hpp"
#include "millrace/rt/guard.hpp"

namespace millrace::policy {
namespace {

using std::chrono::milliseconds;
using Outcome = Pushed::Outcome;
using What = BatchDecision::What;

base::Instant at(std::int64_t ms) {
  return {milliseconds{ms}};
}

BatchInput input(std::uint64_t id, std::uint32_t session = 1, std::int64_t ms = 0) {
  return {.id = id, .session = session, .group = session, .arrival = at(ms)};
}

std::vector<std::uint64_t> ids(std::span<const BatchItem> items) {
  std::vector<std::uint64_t> all;
  for (const BatchItem& item : items) all.push_back(item.id);
  return all;
}

using Ids = std::vector<std::uint64_t>;

/// A batcher of one group whose buffer holds `size`.
Batcher small(OverflowPolicy overflow, std::uint32_t size = 3,
              MergeStrategy strategy = MergeStrategy::keep_separate) {
  return Batcher({.strategy = strategy,
                  .overflow = overflow,
                  .across_sessions = strategy == MergeStrategy::keep_separate,
                  .max_buffer_size = size});
}

TEST(Batcher, TheBufferThatIsFullSaysSoWithTheInputThatFillsIt) {
  Batcher batcher = small(OverflowPolicy::block);

  EXPECT_EQ(batcher.push(input(1)).outcome, Outcome::accepted);
  EXPECT_EQ(batcher.push(input(2)).outcome, Outcome::accepted);
  EXPECT_EQ(batcher.push(input(3)).outcome, Outcome::full_flush);
  EXPECT_EQ(ids(batcher.next(at(0), true).inputs), (Ids{1, 2, 3}));
  EXPECT_EQ(batcher.counters().full_flushes, 1U);
}

TEST(Batcher, BlockLeavesTheInputWithItsSenderUntilThereIsRoom) {
  Batcher batcher = small(OverflowPolicy::block);
  for (const std::uint64_t id : {1, 2, 3}) (void)batcher.push(input(id));

  EXPECT_EQ(batcher.push(input(4)).outcome, Outcome::blocked);
  EXPECT_EQ(batcher.cancel(2), BatchCancel::removed);
  EXPECT_EQ(batcher.push(input(4)).outcome, Outcome::full_flush);
  EXPECT_EQ(batcher.counters().blocked, 1U);
}

TEST(Batcher, DropOldestTakesTheOldestOfTheSessionWithTheMost) {
  Batcher batcher = small(OverflowPolicy::drop_oldest);
  (void)batcher.push(input(1, 7));
  (void)batcher.push(input(2, 8));
  (void)batcher.push(input(3, 8));
  const Pushed pushed = batcher.push(input(4, 9));

  EXPECT_EQ(pushed.outcome, Outcome::full_flush);
  ASSERT_TRUE(pushed.evicted);
  EXPECT_EQ(pushed.evicted->id, 2U);
  EXPECT_EQ(pushed.evicted->session, 8U);
  EXPECT_EQ(pushed.evicted->reason, base::DropReason::overflow);
}

TEST(Batcher, DropNewestRefusesTheOneWhoHasTheMostAndElseTakesFromHim) {
  Batcher batcher = small(OverflowPolicy::drop_newest);
  (void)batcher.push(input(1, 7));
  (void)batcher.push(input(2, 8));
  (void)batcher.push(input(3, 8));
  const Pushed own = batcher.push(input(4, 8));
  const Pushed other = batcher.push(input(5, 9));

  EXPECT_EQ(own.outcome, Outcome::refused);
  EXPECT_EQ(own.reason, base::DropReason::overflow);
  ASSERT_TRUE(other.evicted);
  EXPECT_EQ(other.evicted->id, 3U);
}

TEST(Batcher, AFullBufferMergesWithinTheGroupAndTheInputsStayApartInTheRun) {
  Batcher batcher = small(OverflowPolicy::merge_on_overflow, 2, MergeStrategy::concatenate_text);
  (void)batcher.push(input(1));
  (void)batcher.push(input(2));
  const Pushed pushed = batcher.push(input(3));

  EXPECT_EQ(pushed.outcome, Outcome::merged);
  EXPECT_EQ(pushed.host, 2U);
  EXPECT_EQ(batcher.places(), 2U);
  EXPECT_EQ(batcher.counters().merged, 1U);
  EXPECT_EQ(ids(batcher.next(at(0), true).inputs), (Ids{1, 2, 3}));
}

TEST(Batcher, NeverMergesAcrossGroupsOrOverWhatLiesBetween) {
  Batcher batcher = small(OverflowPolicy::merge_on_overflow, 2, MergeStrategy::concatenate_text);
  BatchInput second = input(2);
  second.group = 99;  // the next revision of the same session
  (void)batcher.push(input(1));
  (void)batcher.push(second);
  const Pushed pushed = batcher.push(input(3));

  ASSERT_TRUE(pushed.evicted) << "nothing to merge with: the oldest goes, as from any queue";
  EXPECT_EQ(pushed.evicted->id, 1U);
}

TEST(Batcher, KeepSeparateHasNothingToMergeAndDropsTheOldest) {
  Batcher batcher = small(OverflowPolicy::merge_on_overflow, 2);
  (void)batcher.push(input(1));
  (void)batcher.push(input(2));

  EXPECT_EQ(batcher.push(input(3)).evicted->id, 1U);
}

TEST(Batcher, WhatRidesTakesThePlaceOfAHostThatIsCancelled) {
  Batcher batcher = small(OverflowPolicy::merge_on_overflow, 2, MergeStrategy::concatenate_text);
  for (const std::uint64_t id : {1, 2, 3, 4}) (void)batcher.push(input(id));
  EXPECT_EQ(batcher.cancel(2), BatchCancel::removed);

  EXPECT_EQ(batcher.places(), 2U);
  EXPECT_EQ(batcher.waiting(), 3U);
  EXPECT_EQ(ids(batcher.next(at(0), true).inputs), (Ids{1, 3, 4}));
}

TEST(Batcher, AsManyRideAsThereArePlacesAndNoMore) {
  Batcher batcher = small(OverflowPolicy::merge_on_overflow, 2, MergeStrategy::concatenate_text);
  for (std::uint64_t id = 1; id <= 4; ++id) (void)batcher.push(input(id));
  const Pushed pushed = batcher.push(input(5));

  EXPECT_EQ(batcher.waiting(), 4U);
  ASSERT_TRUE(pushed.evicted);
  EXPECT_EQ(pushed.evicted->id, 1U) << "the one whose leaving frees a place";
}

TEST(Batcher, CancelTakesOutTheFirstMiddleOrLastOfABatchThatHasNotStarted) {
  for (const std::uint64_t gone : {1, 2, 3}) {
    Batcher batcher = small(OverflowPolicy::block);
    for (const std::uint64_t id : {1, 2, 3}) (void)batcher.push(input(id));
    EXPECT_EQ(batcher.cancel(gone), BatchCancel::removed);

    Ids rest{1, 2, 3};
    std::erase(rest, gone);
    EXPECT_EQ(ids(batcher.next(at(0), true).inputs), rest);
  }
}

TEST(Batcher, CancelMarksTheFirstMiddleOrLastOfABatchThatRuns) {
  for (const std::uint64_t gone : {1, 2, 3}) {
    Batcher batcher = small(OverflowPolicy::block);
    for (const std::uint64_t id : {1, 2, 3}) (void)batcher.push(input(id));
    const std::uint32_t run = batcher.next(at(0), true).run;
    EXPECT_EQ(batcher.cancel(gone), BatchCancel::running);
    EXPECT_EQ(batcher.cancel(gone), BatchCancel::running) << "saying it twice changes nothing";

    for (const BatchItem& item : batcher.finished(run, at(50), milliseconds{50}))
      EXPECT_EQ(item.cancelled, item.id == gone);
    EXPECT_EQ(batcher.counters().cancelled_running, 1U);
    EXPECT_EQ(batcher.cancel(gone), BatchCancel::unknown) << "after the run";
  }
}

TEST(Batcher, ASessionThatClosesLeavesNothingWaitingAndItsSharesMarked) {
  Batcher batcher = small(OverflowPolicy::block, 10);
  (void)batcher.push(input(1, 7));
  (void)batcher.push(input(2, 8));
  const BatchDecision decision = batcher.next(at(0), true);
  (void)batcher.push(input(3, 7));
  (void)batcher.push(input(4, 8));

  EXPECT_EQ(batcher.close(7), 2U);
  EXPECT_TRUE(decision.inputs[0].cancelled);
  EXPECT_FALSE(decision.inputs[1].cancelled);
  EXPECT_EQ(batcher.waiting(), 1U);
  EXPECT_EQ(batcher.close(7), 0U);
}

TEST(Batcher, RefusesWhatComesAfterItsDeadline) {
  Batcher batcher = small(OverflowPolicy::block);
  BatchInput late = input(1, 1, 100);
  late.deadline = at(100);
  const Pushed pushed = batcher.push(late);

  EXPECT_EQ(pushed.outcome, Outcome::refused);
  EXPECT_EQ(pushed.reason, base::DropReason::deadline);
  EXPECT_EQ(batcher.counters().expired, 1U);
}

TEST(Batcher, HandsBackWhatExpiredWhileItWaitedAndDoesNotStartIt) {
  Batcher batcher = small(OverflowPolicy::block);
  BatchInput soon = input(1);
  soon.deadline = at(50);
  (void)batcher.push(soon);
  (void)batcher.push(input(2));
  const BatchDecision busy = batcher.next(at(60), false);
  const Ids dropped{busy.dropped[0].id};

  EXPECT_EQ(busy.what, What::nothing);
  EXPECT_EQ(dropped, Ids{1});
  EXPECT_EQ(busy.dropped[0].reason, base::DropReason::deadline);
  EXPECT_EQ(ids(batcher.next(at(60), true).inputs), Ids{2});
}

TEST(Batcher, AFailedRunTeachesNothingAndFreesTheNode) {
  Batcher batcher = small(OverflowPolicy::block);
  (void)batcher.push(input(1));
  const std::uint32_t run = batcher.next(at(0), true).run;

  EXPECT_EQ(ids(batcher.failed(run, at(5))), Ids{1});
  EXPECT_EQ(batcher.curve().runs(), 0U);
  EXPECT_EQ(batcher.running(), 0U);
  EXPECT_EQ(batcher.counters().failed_runs, 1U);
}

TEST(Batcher, NamesWhatWillBeLateAndWhetherSomebodyWasWarned) {
  Batcher batcher = small(OverflowPolicy::block, 10);
  batcher.declare_average(milliseconds{40});
  for (const std::uint64_t id : {1, 2}) {
    BatchInput one = input(id, static_cast<std::uint32_t>(id));
    one.deadline = at(id == 1 ? 200 : 60);
    (void)batcher.push(one);
  }
  const auto late = batcher.late(at(30));

  ASSERT_EQ(late.size(), 1U);
  EXPECT_EQ(late[0].id, 2U);
  EXPECT_GT(late[0].expected, late[0].deadline);
  EXPECT_FALSE(late[0].warned);
  batcher.warned(2);
  ASSERT_EQ(batcher.late(at(30)).size(), 1U);
  EXPECT_TRUE(batcher.late(at(30))[0].warned);
  EXPECT_EQ(batcher.counters().late_warnings, 1U);
}

TEST(Batcher, TellsOfAllThatAreLateAndWhenTheNextWillBe) {
  Batcher batcher({.max_batch = 1});
  batcher.declare_average(milliseconds{30});
  for (std::uint64_t id = 1; id <= 3; ++id) {
    BatchInput one = input(id, 0, 0);
    one.deadline = at(id == 2 ? 60 : 200);
    (void)batcher.push(one);
  }

  const auto late = batcher.late(at(30));
  ASSERT_EQ(late.size(), 1U);
  EXPECT_EQ(late[0].id, 2U);
  EXPECT_EQ(late[0].expected, at(90)) << "free at 30, one run before it, its own";
  EXPECT_EQ(late[0].cost, milliseconds{30});
  EXPECT_FALSE(late[0].warned);
  EXPECT_EQ(batcher.late_at(), at(110) + base::Duration{1}) << "three runs until 200";

  batcher.warned(2);
  batcher.warned(2);
  batcher.warned(99);
  EXPECT_TRUE(batcher.late(at(30))[0].warned) << "it is told of as long as it waits";
  EXPECT_EQ(batcher.counters().late_warnings, 1U);
  EXPECT_EQ(batcher.late(at(110)).size(), 1U);
  EXPECT_EQ(batcher.late(batcher.late_at()).size(), 2U);
}

TEST(Batcher, WaitsForNobodyElseOnceItIsFlushed) {
  Batcher batcher({.mode = BatchMode::fixed, .min_batch_size = 3, .max_wait = milliseconds{50}});
  EXPECT_FALSE(batcher.gathers_until(at(0)));
  (void)batcher.push(input(1, 0, 0));
  (void)batcher.push(input(2, 1, 1));
  EXPECT_EQ(batcher.gathers_until(at(1)), at(50));
  EXPECT_EQ(batcher.next(at(1), true).what, What::wake);

  EXPECT_TRUE(batcher.flush(2));
  EXPECT_FALSE(batcher.flush(2)) << "it was";
  EXPECT_FALSE(batcher.flush(99));
  EXPECT_FALSE(batcher.gathers_until(at(2)));
  const BatchDecision decision = batcher.next(at(2), true);

  ASSERT_EQ(decision.what, What::start);
  ASSERT_EQ(decision.inputs.size(), 1U);
  EXPECT_EQ(decision.inputs[0].id, 2U);
  (void)batcher.finished(decision.run, at(3), milliseconds{1});
  EXPECT_EQ(batcher.next(at(3), true).what, What::wake) << "the other session goes on waiting";
}

TEST(Batcher, GathersNothingInGreedyMode) {
  Batcher batcher({});
  (void)batcher.push(input(1, 0, 0));

  EXPECT_FALSE(batcher.gathers_until(at(0)));
}

TEST(Batcher, LearnsNothingFromARunThatWasNoneLikeTheOthers) {
  Batcher batcher({});
  (void)batcher.push(input(1, 0, 0));
  const BatchDecision decision = batcher.next(at(0), true);
  ASSERT_EQ(decision.what, What::start);

  EXPECT_EQ(batcher.finished(decision.run, at(9), milliseconds{9}, false).size(), 1U);
  EXPECT_EQ(batcher.curve().runs(), 0U);
}

TEST(Batcher, EveryModeAndStrategyHasTheWordOfTheManifest) {
  std::set<std::string_view> names;
  for (int i = 0; i < 4; ++i) names.insert(name(static_cast<MergeStrategy>(i)));

  EXPECT_EQ(names, (std::set<std::string_view>{"concatenate_text", "concatenate_audio",
                                               "keep_separate", "custom"}));
  EXPECT_EQ(name(BatchMode::greedy), "greedy");
  EXPECT_EQ(name(BatchMode::fixed), "fixed");
}

TEST(Batcher, AllocatesAndLocksNothingOnceItIsBuilt) {
  Batcher batcher = small(OverflowPolicy::merge_on_overflow, 20, MergeStrategy::concatenate_text);

  const auto breaches = rt::breaches_in([&] {
    std::uint64_t id = 0;
    for (std::int64_t t = 0; t < 300; ++t) {
      for (std::uint32_t s = 0; s < 90; ++s) {
        BatchInput one = input(++id, s % 3, t);
        one.deadline = at(t + 1 + s % 40);
        (void)batcher.push(one);
      }
      const BatchDecision decision = batcher.next(at(t), true);
      (void)batcher.cancel(id);
      for (const LateInput& late : batcher.late(at(t))) batcher.warned(late.id);
      (void)batcher.flush(id - 1);
      (void)batcher.gathers_until(at(t));
      if (decision.what == What::start)
        (void)batcher.finished(decision.run, at(t), milliseconds{1 + t % 5});
    }
    (void)batcher.close(1);
  });

  EXPECT_EQ(breaches, 0U);
}

// Random traces ----------------------------------------------------------------------------------

/// What became of each input, and what must hold of every run.
class Audit {
 public:
  explicit Audit(const BatcherParams& params) : params_(params) {}

  void pushed(const BatchInput& one, const Pushed& pushed) {
    groups_[one.id] = {one.session, one.group};
    if (pushed.evicted) settle(pushed.evicted->id);
    if (pushed.outcome == Outcome::blocked || pushed.outcome == Outcome::refused) {
      settle(one.id);
    }
  }
  void decided(const BatchDecision& decision) {
    for (const BatchDrop& drop : decision.dropped) settle(drop.id);
    if (decision.what != What::start) return;
    ASSERT_FALSE(decision.inputs.empty());
    for (const BatchItem& item : decision.inputs) {
      settle(item.id);
      const auto& own = groups_[item.id];
      const auto& first = groups_[decision.inputs[0].id];
      ASSERT_TRUE(own == first || params_.strategy == MergeStrategy::keep_separate);
      ASSERT_TRUE(own.first == first.first || params_.across_sessions);
      std::uint64_t& last = last_[groups_[item.id].first];
      ASSERT_LT(last, item.id) << "a session's inputs start in the order they came";
      last = item.id;
    }
  }
  void settle(std::uint64_t id) { ASSERT_TRUE(settled_.insert(id).second) << id << " twice"; }
  void all_but(std::uint32_t waiting) const {
    ASSERT_EQ(settled_.size() + waiting, groups_.size());
  }

 private:
  BatcherParams params_;
  std::map<std::uint64_t, std::pair<std::uint32_t, std::uint64_t>> groups_;
  std::map<std::uint32_t, std::uint64_t> last_;
  std::set<std::uint64_t> settled_;
};

BatcherParams random_params(base::Rng& rng) {
  constexpr std::array kPolicies{OverflowPolicy::drop_oldest, OverflowPolicy::drop_newest,
                                 OverflowPolicy::block, OverflowPolicy::merge_on_overflow};
  return {.mode = rng.below(2) == 0 ? BatchMode::greedy : BatchMode::fixed,
          .strategy = static_cast<MergeStrategy>(rng.below(4)),
          .overflow = kPolicies[rng.below(4)],
          .across_sessions = rng.below(2) == 0,
          .min_batch_size = static_cast<std::uint32_t>(rng.below(6)),
          .max_wait = milliseconds{rng.below(60)},
          .max_buffer_size = static_cast<std::uint32_t>(rng.below(20)) + 1,
          .max_batch = static_cast<std::uint32_t>(rng.below(8)) + 1,
          .max_batch_units = rng.below(3) == 0 ? 10U : 0U,
          .max_running = static_cast<std::uint32_t>(rng.below(3)) + 1,
          .coalesce_wait = milliseconds{rng.below(8)},
          .drop_hopeless = rng.below(2) == 0};
}

/// One random life of a batcher: inputs, runs of random cost, cancels, a closing session.
void live(std::uint64_t seed) {
  base::Rng rng(seed);
  const BatcherParams params = random_params(rng);
  Batcher batcher(params);
  Audit audit(params);
  std::vector<std::pair<std::uint32_t, std::int64_t>> running;  // run, when it ends
  std::uint64_t id = 0;
  for (std::int64_t t = 0; t < 400; ++t) {
    for (auto it = running.begin(); it != running.end();) {
      if (it->second > t) {
        ++it;
        continue;
      }
      if (rng.below(10) == 0) {
        (void)batcher.failed(it->first, at(t));
      } else {
        (void)batcher.finished(it->first, at(t), milliseconds{rng.below(30)});
      }
      it = running.erase(it);
    }
    for (std::uint64_t n = rng.below(3); n > 0; --n) {
      BatchInput one = input(++id, static_cast<std::uint32_t>(rng.below(5)), t);
      one.group = one.session * 1000 + static_cast<std::uint64_t>(t) / 40;
      one.first_chunk = rng.below(4) == 0;
      one.size = static_cast<std::uint32_t>(rng.below(5)) + 1;
      if (rng.below(3) > 0) one.deadline = at(t + static_cast<std::int64_t>(rng.below(150)));
      audit.pushed(one, batcher.push(one));
    }
    if (rng.below(20) == 0) batcher.hint(static_cast<std::uint32_t>(rng.below(5)));
    if (id > 0 && rng.below(5) == 0) {
      const std::uint64_t victim = rng.below(id) + 1;
      if (batcher.cancel(victim) == BatchCancel::removed) audit.settle(victim);
    }
    const BatchDecision decision = batcher.next(at(t), rng.below(4) > 0);
    audit.decided(decision);
    if (decision.what == What::start) {
      ASSERT_LE(decision.inputs.size(), params.max_batch + params.max_buffer_size);
      running.emplace_back(decision.run, t + static_cast<std::int64_t>(rng.below(20)));
    }
    ASSERT_TRUE(decision.what != What::wake || decision.wake_at > at(t));
    ASSERT_LE(batcher.places(), params.max_buffer_size);
    ASSERT_LE(batcher.waiting(), 2 * params.max_buffer_size);
    ASSERT_LE(batcher.running(), params.max_running);
    audit.all_but(batcher.waiting());
  }
}

TEST(Batcher, OfRandomTracesNothingIsLostOrStartedTwiceAndGroupsAreNeverMixed) {
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE(seed);
    live(seed);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace millrace::policy
