#include "millrace/policy/speculation_ledger.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <thread>
#include <utility>

#include "millrace/base/rng.hpp"

namespace millrace::policy {
namespace {

media::Lineage of(std::initializer_list<base::SegmentId> segments, base::TurnId turn = {},
                  base::Revision revision = 0) {
  media::Lineage lineage;
  for (const base::SegmentId segment : segments) EXPECT_TRUE(lineage.add(segment));
  lineage.turn = turn;
  lineage.revision = revision;
  return lineage;
}

class Ledger : public testing::Test {
 protected:
  std::unique_ptr<SpeculationLedger> owner_ = std::make_unique<SpeculationLedger>();
  SpeculationLedger& ledger_ = *owner_;
};

TEST_F(Ledger, NumbersSegmentsAndTurnsFromOne) {
  EXPECT_EQ(ledger_.open(SegmentKind::onset).number, 1U);
  EXPECT_EQ(ledger_.open(SegmentKind::end_of_turn).number, 2U);
  EXPECT_EQ(ledger_.open_turn().number, 1U);

  EXPECT_EQ(ledger_.last_segment().number, 2U);
  EXPECT_EQ(ledger_.last_turn().number, 1U);
  EXPECT_EQ(ledger_.kind({1}), SegmentKind::onset);
  EXPECT_EQ(ledger_.kind({2}), SegmentKind::end_of_turn);
}

TEST_F(Ledger, HoldsWhatIsSpeculativeAndPassesWhatIsConfirmed) {
  const base::SegmentId segment = ledger_.open(SegmentKind::onset);
  EXPECT_EQ(ledger_.fence(of({segment})), FenceDecision::hold);
  EXPECT_TRUE(ledger_.live(of({segment})));
  EXPECT_FALSE(ledger_.committed(of({segment})));

  EXPECT_EQ(ledger_.confirm(segment), Verdict::applied);

  EXPECT_EQ(ledger_.fence(of({segment})), FenceDecision::pass);
  EXPECT_TRUE(ledger_.committed(of({segment})));
}

TEST_F(Ledger, DropsWhatIsCancelledOrFailed) {
  const base::SegmentId a = ledger_.open(SegmentKind::onset);
  const base::SegmentId b = ledger_.open(SegmentKind::onset);

  EXPECT_EQ(ledger_.cancel(a), Verdict::applied);
  EXPECT_EQ(ledger_.fail(b), Verdict::applied);

  EXPECT_EQ(ledger_.fence(of({a})), FenceDecision::drop);
  EXPECT_EQ(ledger_.fence(of({b})), FenceDecision::drop);
  EXPECT_EQ(ledger_.state(a), SegmentState::cancelled);
  EXPECT_EQ(ledger_.state(b), SegmentState::failed);
}

TEST_F(Ledger, AnswersEveryRepeatAndEveryLateRequestWithoutChangingAnything) {
  using Request = Verdict (*)(SpeculationLedger&, base::SegmentId);
  const Request requests[] = {
      [](SpeculationLedger& ledger, base::SegmentId id) { return ledger.confirm(id); },
      [](SpeculationLedger& ledger, base::SegmentId id) { return ledger.cancel(id); },
      [](SpeculationLedger& ledger, base::SegmentId id) { return ledger.fail(id); }};
  for (const Request first : requests) {
    for (const Request second : requests) {
      const base::SegmentId segment = ledger_.open(SegmentKind::onset);
      ASSERT_EQ(first(ledger_, segment), Verdict::applied);
      const SegmentState before = ledger_.state(segment);
      const std::uint32_t version = ledger_.version();

      EXPECT_EQ(second(ledger_, segment), first == second ? Verdict::duplicate : Verdict::too_late);

      EXPECT_EQ(ledger_.state(segment), before);
      EXPECT_EQ(ledger_.version(), version);
    }
  }
  EXPECT_EQ(ledger_.counters().duplicates, 3U);
  EXPECT_EQ(ledger_.counters().too_late, 6U);
}

TEST_F(Ledger, KnowsNothingOfNumbersItNeverGaveOut) {
  EXPECT_EQ(ledger_.cancel({0}), Verdict::unknown);
  EXPECT_EQ(ledger_.confirm({1}), Verdict::unknown);
  EXPECT_EQ(ledger_.state({SpeculationLedger::kSegments}), SegmentState::unknown);
  EXPECT_EQ(ledger_.interrupt({0}), Verdict::unknown);
  EXPECT_EQ(ledger_.interrupt({1}), Verdict::unknown);
  EXPECT_EQ(ledger_.guess({1}), 0U);
  EXPECT_EQ(ledger_.commit({1}, 1), Verdict::unknown);
  EXPECT_EQ(ledger_.withdraw({1}, 1), Verdict::unknown);
  EXPECT_FALSE(ledger_.live(of({{5}})));
  EXPECT_FALSE(ledger_.live(of({}, {5})));
  EXPECT_EQ(ledger_.version(), 0U);
}

TEST_F(Ledger, LetsPassWhatHangsOnNothing) {
  EXPECT_EQ(ledger_.fence({}), FenceDecision::pass);
}

TEST_F(Ledger, APacketIsLiveOnlyWhileAllItHangsOnIs) {
  const base::SegmentId a = ledger_.open(SegmentKind::onset);
  const base::SegmentId b = ledger_.open(SegmentKind::onset);
  ledger_.confirm(a);
  EXPECT_EQ(ledger_.fence(of({a, b})), FenceDecision::hold);

  ledger_.cancel(b);

  EXPECT_EQ(ledger_.fence(of({a, b})), FenceDecision::drop);
  EXPECT_EQ(ledger_.fence(of({a})), FenceDecision::pass);
}

TEST_F(Ledger, FailsASpeculativeSegmentWhosePlaceIsNeeded) {
  const base::SegmentId speculative = ledger_.open(SegmentKind::onset);
  const base::SegmentId confirmed = ledger_.open(SegmentKind::onset);
  ledger_.confirm(confirmed);

  for (std::uint32_t i = 0; i < SpeculationLedger::kSegments; ++i)
    ledger_.confirm(ledger_.open(SegmentKind::onset));

  EXPECT_EQ(ledger_.counters().failed, 1U);
  EXPECT_EQ(ledger_.state(speculative), SegmentState::unknown);
  EXPECT_EQ(ledger_.cancel(confirmed), Verdict::unknown);
  EXPECT_FALSE(ledger_.live(of({speculative})));
  EXPECT_FALSE(ledger_.live(of({confirmed})));
  EXPECT_EQ(ledger_.counters().opened, ledger_.counters().confirmed + ledger_.counters().failed);
}

TEST_F(Ledger, ForgetsTurnsThatAreTooOld) {
  const base::TurnId old = ledger_.open_turn();
  for (std::uint32_t i = 0; i < SpeculationLedger::kTurns; ++i) (void)ledger_.open_turn();

  EXPECT_FALSE(ledger_.live(of({}, old)));
  EXPECT_EQ(ledger_.guess(old), 0U);
  EXPECT_TRUE(ledger_.live(of({}, ledger_.last_turn())));
}

TEST_F(Ledger, WithdrawsEveryGuessUpToTheOneResumed) {
  const base::TurnId turn = ledger_.open_turn();
  EXPECT_EQ(ledger_.guess(turn), 1U);
  EXPECT_EQ(ledger_.guess(turn), 2U);
  EXPECT_EQ(ledger_.fence(of({}, turn, 2)), FenceDecision::hold);

  EXPECT_EQ(ledger_.withdraw(turn, 2), Verdict::applied);
  EXPECT_EQ(ledger_.withdraw(turn, 2), Verdict::duplicate);
  EXPECT_EQ(ledger_.withdraw(turn, 3), Verdict::unknown);

  EXPECT_EQ(ledger_.guess(turn), 3U);
  EXPECT_FALSE(ledger_.live(of({}, turn, 1)));
  EXPECT_FALSE(ledger_.live(of({}, turn, 2)));
  EXPECT_EQ(ledger_.fence(of({}, turn, 3)), FenceDecision::hold);
  EXPECT_EQ(ledger_.fence(of({}, turn, 0)), FenceDecision::pass);
  EXPECT_EQ(ledger_.counters().revisions_withdrawn, 2U);
  EXPECT_EQ(ledger_.last_revision(turn), 3U);
}

TEST_F(Ledger, CommitLeavesOneRevisionAndWhatNoGuessWentInto) {
  const base::TurnId turn = ledger_.open_turn();
  for (int i = 0; i < 3; ++i) (void)ledger_.guess(turn);
  ledger_.withdraw(turn, 1);
  EXPECT_EQ(ledger_.commit(turn, 1), Verdict::too_late);

  EXPECT_EQ(ledger_.commit(turn, 2), Verdict::applied);

  EXPECT_EQ(ledger_.fence(of({}, turn, 2)), FenceDecision::pass);
  EXPECT_EQ(ledger_.fence(of({}, turn, 1)), FenceDecision::drop);
  EXPECT_EQ(ledger_.fence(of({}, turn, 3)), FenceDecision::drop);
  EXPECT_EQ(ledger_.fence(of({}, turn, 4)), FenceDecision::drop);
  EXPECT_EQ(ledger_.fence(of({}, turn, 0)), FenceDecision::pass);
  EXPECT_EQ(ledger_.counters().revisions_withdrawn, 2U);
  EXPECT_TRUE(ledger_.turn_committed(turn));
}

TEST_F(Ledger, NothingChangesATurnAfterItsCommit) {
  const base::TurnId turn = ledger_.open_turn();
  (void)ledger_.guess(turn);
  (void)ledger_.guess(turn);
  ledger_.commit(turn, 2);
  const std::uint32_t version = ledger_.version();

  EXPECT_EQ(ledger_.commit(turn, 2), Verdict::duplicate);
  EXPECT_EQ(ledger_.commit(turn, 1), Verdict::too_late);
  EXPECT_EQ(ledger_.withdraw(turn, 2), Verdict::too_late);
  EXPECT_EQ(ledger_.guess(turn), 0U);

  EXPECT_EQ(ledger_.version(), version);
}

TEST_F(Ledger, GivesNoMoreThanItsBoundOfRevisions) {
  const base::TurnId turn = ledger_.open_turn();
  for (base::Revision r = 1; r <= SpeculationLedger::kMaxRevision; ++r)
    ASSERT_EQ(ledger_.guess(turn), r);

  EXPECT_EQ(ledger_.guess(turn), 0U);
  EXPECT_EQ(ledger_.commit(turn, SpeculationLedger::kMaxRevision), Verdict::applied);
}

TEST_F(Ledger, AnInterruptKillsTheTurnAndAllBeforeIt) {
  const base::TurnId first = ledger_.open_turn();
  const base::TurnId second = ledger_.open_turn();
  const base::TurnId third = ledger_.open_turn();
  (void)ledger_.guess(first);
  (void)ledger_.guess(second);
  ledger_.commit(first, 1);

  EXPECT_EQ(ledger_.interrupt(second), Verdict::applied);

  EXPECT_FALSE(ledger_.live(of({}, first, 1)));
  EXPECT_FALSE(ledger_.live(of({}, second)));
  EXPECT_TRUE(ledger_.live(of({}, third)));
  EXPECT_TRUE(ledger_.live(of({})));
  EXPECT_EQ(ledger_.interrupt(first), Verdict::duplicate);
  EXPECT_EQ(ledger_.interrupt(second), Verdict::duplicate);
  EXPECT_EQ(ledger_.guess(second), 0U);
  EXPECT_EQ(ledger_.commit(second, 1), Verdict::too_late);
  EXPECT_EQ(ledger_.withdraw(second, 1), Verdict::too_late);
  EXPECT_EQ(ledger_.counters().interrupted, 1U);
}

TEST_F(Ledger, MakesRoomByTakingOutTheOldestConfirmed) {
  media::Lineage lineage;
  for (int i = 0; i < 8; ++i) lineage.add(ledger_.open(SegmentKind::onset));
  ledger_.confirm({3});
  ledger_.confirm({5});

  ledger_.make_room(lineage);

  EXPECT_FALSE(lineage.hangs_on({3}));
  EXPECT_TRUE(lineage.hangs_on({5}));
  EXPECT_EQ(lineage.segments.size(), 7U);
}

TEST_F(Ledger, MakesNoRoomWhereThereIsSomeOrNothingIsConfirmed) {
  media::Lineage roomy = of({ledger_.open(SegmentKind::onset)});
  ledger_.confirm({1});
  media::Lineage full;
  for (int i = 0; i < 8; ++i) full.add(ledger_.open(SegmentKind::onset));
  ledger_.cancel({4});

  ledger_.make_room(roomy);
  ledger_.make_room(full);

  EXPECT_EQ(roomy.segments.size(), 1U);
  EXPECT_EQ(full.segments.size(), 8U);
}

TEST_F(Ledger, VersionGrowsWithEveryChange) {
  std::uint32_t last = ledger_.version();
  const auto grew = [&] { return std::exchange(last, ledger_.version()) < ledger_.version(); };

  const base::SegmentId segment = ledger_.open(SegmentKind::onset);
  EXPECT_TRUE(grew());
  ledger_.confirm(segment);
  EXPECT_TRUE(grew());
  const base::TurnId turn = ledger_.open_turn();
  EXPECT_TRUE(grew());
  (void)ledger_.guess(turn);
  EXPECT_TRUE(grew());
  ledger_.withdraw(turn, 1);
  EXPECT_TRUE(grew());
  ledger_.interrupt(turn);
  EXPECT_TRUE(grew());
}

// What the ledger means, told with maps and without bits.
struct NaiveLedger {
  struct Turn {
    base::Revision given = 0;
    base::Revision withdrawn = 0;
    base::Revision committed = 0;
  };
  std::map<std::uint32_t, SegmentState> segments;
  std::map<std::uint32_t, Turn> turns;
  std::uint32_t next_segment = 1;
  std::uint32_t next_turn = 1;
  std::uint32_t interrupted = 0;

  std::uint32_t open() {
    segments[next_segment] = SegmentState::speculative;
    segments.erase(next_segment - SpeculationLedger::kSegments);
    return next_segment++;
  }
  Verdict settle(std::uint32_t number, SegmentState to) {
    const auto found = segments.find(number);
    if (found == segments.end()) return Verdict::unknown;
    if (found->second == to) return Verdict::duplicate;
    if (found->second != SegmentState::speculative) return Verdict::too_late;
    found->second = to;
    return Verdict::applied;
  }
  std::uint32_t open_turn() {
    turns[next_turn] = {};
    turns.erase(next_turn - SpeculationLedger::kTurns);
    return next_turn++;
  }
  base::Revision guess(std::uint32_t number) {
    const auto found = turns.find(number);
    if (found == turns.end() || number <= interrupted || found->second.committed != 0 ||
        found->second.given == SpeculationLedger::kMaxRevision)
      return 0;
    return ++found->second.given;
  }
  Verdict withdraw(std::uint32_t number, base::Revision r) {
    const auto found = turns.find(number);
    if (found == turns.end() || r == 0 || r > found->second.given) return Verdict::unknown;
    if (r <= found->second.withdrawn) return Verdict::duplicate;
    if (number <= interrupted || found->second.committed != 0) return Verdict::too_late;
    found->second.withdrawn = r;
    return Verdict::applied;
  }
  Verdict commit(std::uint32_t number, base::Revision r) {
    const auto found = turns.find(number);
    if (found == turns.end() || r == 0 || r > found->second.given) return Verdict::unknown;
    if (found->second.committed == r) return Verdict::duplicate;
    if (number <= interrupted || found->second.committed != 0 || r <= found->second.withdrawn)
      return Verdict::too_late;
    found->second.committed = r;
    return Verdict::applied;
  }
  Verdict interrupt(std::uint32_t number) {
    if (number == 0 || number >= next_turn) return Verdict::unknown;
    if (number <= interrupted) return Verdict::duplicate;
    interrupted = number;
    return Verdict::applied;
  }
  FenceDecision fence(const media::Lineage& lineage) const {
    bool hold = false;
    for (const base::SegmentId segment : lineage.segments) {
      const auto found = segments.find(segment.number);
      if (found == segments.end()) return FenceDecision::drop;
      if (found->second == SegmentState::cancelled || found->second == SegmentState::failed)
        return FenceDecision::drop;
      hold = hold || found->second == SegmentState::speculative;
    }
    if (lineage.turn) {
      const auto found = turns.find(lineage.turn.number);
      if (found == turns.end() || lineage.turn.number <= interrupted) return FenceDecision::drop;
      const Turn& turn = found->second;
      if (const base::Revision r = lineage.revision; r != 0) {
        if (r > turn.given || r <= turn.withdrawn) return FenceDecision::drop;
        if (turn.committed != 0 && turn.committed != r) return FenceDecision::drop;
        hold = hold || turn.committed == 0;
      }
    }
    return hold ? FenceDecision::hold : FenceDecision::pass;
  }
};

// A number near the newest ones most of the time, else any, so that old and future numbers come
// too.
std::uint32_t pick(base::Rng& rng, std::uint32_t next, std::uint32_t kept) {
  const std::uint32_t near = static_cast<std::uint32_t>(rng.below(12));
  if (rng.below(8) != 0) return next + 1 > near ? next + 1 - near : 0;
  const std::uint32_t far = static_cast<std::uint32_t>(rng.below(kept + 8));
  return next + 1 > far ? next + 1 - far : 0;
}

void one_operation(base::Rng& rng, SpeculationLedger& ledger, NaiveLedger& model) {
  const std::uint32_t segment = pick(rng, model.next_segment, SpeculationLedger::kSegments);
  const std::uint32_t turn = pick(rng, model.next_turn, SpeculationLedger::kTurns);
  const auto revision = static_cast<base::Revision>(rng.below(6));
  switch (rng.below(12)) {
    case 0:
    case 1: ASSERT_EQ(ledger.open(SegmentKind::onset).number, model.open()); break;
    case 2:
    case 3:
      ASSERT_EQ(ledger.confirm({segment}), model.settle(segment, SegmentState::confirmed));
      break;
    case 4:
      ASSERT_EQ(ledger.cancel({segment}), model.settle(segment, SegmentState::cancelled));
      break;
    case 5: ASSERT_EQ(ledger.fail({segment}), model.settle(segment, SegmentState::failed)); break;
    case 6: ASSERT_EQ(ledger.open_turn().number, model.open_turn()); break;
    case 7:
    case 8: ASSERT_EQ(ledger.guess({turn}), model.guess(turn)); break;
    case 9: ASSERT_EQ(ledger.withdraw({turn}, revision), model.withdraw(turn, revision)); break;
    case 10: ASSERT_EQ(ledger.commit({turn}, revision), model.commit(turn, revision)); break;
    case 11:
      // Rare, or every turn would be dead: the interrupt reaches back to all before it.
      if (rng.below(6) == 0) {
        ASSERT_EQ(ledger.interrupt({turn}), model.interrupt(turn));
      }
      break;
  }
  media::Lineage lineage;
  for (std::uint64_t n = rng.below(4); n > 0; --n)
    lineage.add({pick(rng, model.next_segment, SpeculationLedger::kSegments)});
  if (rng.below(2) == 0) lineage.turn = {pick(rng, model.next_turn, SpeculationLedger::kTurns)};
  lineage.revision = static_cast<base::Revision>(rng.below(6));
  ASSERT_EQ(ledger.fence(lineage), model.fence(lineage));
}

TEST(LedgerProperty, AgreesWithANaiveModelUnderRandomOperations) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    base::Rng rng(seed);
    const auto ledger = std::make_unique<SpeculationLedger>();
    NaiveLedger model;
    for (int i = 0; i < 100'000; ++i) {
      SCOPED_TRACE(i);
      one_operation(rng, *ledger, model);
      if (testing::Test::HasFatalFailure()) return;
    }
    const LedgerCounters& c = ledger->counters();
    std::uint64_t open = 0;
    for (const auto& [number, state] : model.segments)
      open += state == SegmentState::speculative ? 1 : 0;
    EXPECT_EQ(c.opened, c.confirmed + c.cancelled + c.failed + open);
  }
}

TEST(LedgerThreads, AReaderNeverSeesACancelledSegmentLiveAgain) {
  const auto ledger = std::make_unique<SpeculationLedger>();
  constexpr std::uint32_t kRounds = 200'000;
  std::atomic<std::uint32_t> cancelled{0};
  std::atomic<std::uint32_t> confirmed{0};
  std::atomic<bool> reading{false};
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> wrong{0};

  std::thread reader([&] {
    reading.store(true, std::memory_order_release);
    reading.notify_one();
    while (!done.load(std::memory_order_acquire)) {
      const base::SegmentId dead{cancelled.load(std::memory_order_acquire)};
      media::Lineage lineage;
      lineage.add(dead);
      if (dead && ledger->live(lineage)) ++wrong;
      // Confirmed can become "forgotten" while we look, but never speculative or cancelled.
      const base::SegmentId good{confirmed.load(std::memory_order_acquire)};
      const SegmentState state = ledger->state(good);
      if (good && state != SegmentState::confirmed && state != SegmentState::unknown) ++wrong;
    }
  });
  reading.wait(false, std::memory_order_acquire);
  for (std::uint32_t i = 0; i < kRounds; ++i) {
    const base::SegmentId a = ledger->open(SegmentKind::onset);
    const base::SegmentId b = ledger->open(SegmentKind::onset);
    ledger->cancel(a);
    cancelled.store(a.number, std::memory_order_release);
    ledger->confirm(b);
    confirmed.store(b.number, std::memory_order_release);
  }
  done.store(true, std::memory_order_release);
  reader.join();

  EXPECT_EQ(wrong.load(), 0U);
  EXPECT_EQ(ledger->counters().cancelled, kRounds);
}

}  // namespace
}  // namespace millrace::policy
