#include "millrace/metrics/turn_ledger.hpp"

#include <gtest/gtest.h>

#include <set>

#include "millrace/base/rng.hpp"
#include "millrace/rt/guard.hpp"

namespace millrace::metrics {
namespace {

using base::Duration;
using base::Instant;
using base::TurnId;

constexpr PartId kEndpoint{TurnPart::endpoint_wait};
constexpr PartId kQueue{TurnPart::queue_wait};
constexpr PartId kPacing{TurnPart::pacing};

constexpr Instant at(std::int64_t ms) {
  return {std::chrono::milliseconds{ms}};
}
constexpr Duration ms(std::int64_t n) {
  return std::chrono::milliseconds{n};
}

TEST(TurnPart, HasANameOfItsOwnForEveryValue) {
  std::set<std::string_view> names;

  for (int part = 0; part <= static_cast<int>(TurnPart::pacing); ++part)
    names.insert(name(static_cast<TurnPart>(part)));

  EXPECT_EQ(names, (std::set<std::string_view>{"endpoint_wait", "queue_wait", "pool_wait",
                                               "compute", "aggregation", "ipc", "pacing"}));
}

TEST(TurnLedger, GivesEachStretchToThePartThatEndedIt) {
  TurnLedger ledger;
  ledger.begin(TurnId{4}, at(100));

  ledger.mark(kEndpoint, at(400));
  ledger.mark(kQueue, at(410));
  ledger.mark(compute_of(3), at(500));
  ledger.mark(kQueue, at(505));
  ledger.mark(compute_of(7), at(600));
  const TurnRecord record = ledger.end(at(601));

  EXPECT_EQ(record.turn, TurnId{4});
  EXPECT_EQ(record.total(), ms(501));
  EXPECT_EQ(record.spent(kEndpoint), ms(300));
  EXPECT_EQ(record.spent(kQueue), ms(15));
  EXPECT_EQ(record.spent(compute_of(3)), ms(90));
  EXPECT_EQ(record.spent(compute_of(7)), ms(95));
  EXPECT_EQ(record.unattributed(), ms(1));
  ASSERT_EQ(record.parts.size(), 4u);
  EXPECT_EQ(record.parts[0].id, kEndpoint);
}

TEST(TurnLedger, BooksOverlappingWorkOnce) {
  TurnLedger ledger;
  ledger.begin(TurnId{1}, at(0));

  ledger.mark(compute_of(1), at(0), at(50));
  ledger.mark(compute_of(2), at(20), at(80));
  ledger.mark(compute_of(3), at(10), at(70));
  const TurnRecord record = ledger.end(at(80));

  EXPECT_EQ(record.spent(compute_of(1)), ms(50));
  EXPECT_EQ(record.spent(compute_of(2)), ms(30));
  EXPECT_EQ(record.spent(compute_of(3)), ms(0));
  EXPECT_EQ(record.unattributed(), ms(0));
}

TEST(TurnLedger, LeavesGapsUnattributed) {
  TurnLedger ledger;
  ledger.begin(TurnId{1}, at(0));

  ledger.mark(kQueue, at(10), at(20));
  ledger.skip(at(25));
  ledger.add(kPacing, ms(5));
  const TurnRecord record = ledger.end(at(40));

  EXPECT_EQ(record.spent(kQueue), ms(10));
  EXPECT_EQ(record.spent(kPacing), ms(5));
  EXPECT_EQ(record.unattributed(), ms(25));
}

TEST(TurnLedger, IgnoresMarksInThePastAndIntervalsThatRunBackwards) {
  TurnLedger ledger;
  ledger.begin(TurnId{1}, at(100));
  ledger.mark(kQueue, at(200));

  ledger.mark(kPacing, at(150));
  ledger.mark(kPacing, at(300), at(250));
  ledger.add(kPacing, ms(-5));
  ledger.skip(at(120));

  EXPECT_EQ(ledger.cursor(), at(200));
  EXPECT_EQ(ledger.end(at(200)).parts.size(), 1u);
}

TEST(TurnLedger, EndsNoEarlierThanWhatIsBooked) {
  TurnLedger ledger;
  ledger.begin(TurnId{1}, at(0));
  ledger.mark(kQueue, at(50));

  const TurnRecord record = ledger.end(at(30));

  EXPECT_EQ(record.total(), ms(50));
  EXPECT_EQ(record.unattributed(), ms(0));
}

TEST(TurnLedger, ForgetsTheTurnBeforeWhenOneBegins) {
  TurnLedger ledger;
  EXPECT_FALSE(ledger.open());
  ledger.begin(TurnId{1}, at(0));
  ledger.mark(kQueue, at(50));

  ledger.begin(TurnId{2}, at(60));

  EXPECT_TRUE(ledger.open());
  EXPECT_EQ(ledger.turn(), TurnId{2});
  const TurnRecord record = ledger.end(at(70));
  EXPECT_TRUE(record.parts.empty());
  EXPECT_EQ(record.unattributed(), ms(10));
}

TEST(TurnLedger, BooksNothingOutsideATurn) {
  TurnLedger ledger;
  ledger.mark(kQueue, at(50));
  ledger.begin(TurnId{1}, at(60));
  static_cast<void>(ledger.end(at(70)));

  ledger.mark(kQueue, at(90));

  EXPECT_EQ(ledger.cursor(), at(70));
  EXPECT_FALSE(ledger.open());
}

TEST(TurnLedger, LeavesPartsThatDoNotFitUnattributed) {
  TurnLedger ledger;
  ledger.begin(TurnId{1}, at(0));
  for (std::uint16_t node = 0; node < kTurnParts; ++node) ledger.add(compute_of(node), ms(1));

  ledger.add(compute_of(kTurnParts), ms(7));
  ledger.add(compute_of(0), ms(1));
  const TurnRecord record = ledger.end(ledger.cursor());

  EXPECT_EQ(record.parts.size(), kTurnParts);
  EXPECT_EQ(record.unattributed(), ms(7));
  EXPECT_EQ(record.spent(compute_of(0)), ms(2));
  EXPECT_EQ(record.total(), ms(64 + 7 + 1));
}

TEST(TurnLedger, AddsUpWhateverIsMarked) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    base::Rng rng(seed);
    const auto any_time = [&] { return at(static_cast<std::int64_t>(rng.below(2000)) - 500); };
    TurnLedger ledger;
    ledger.begin(TurnId{1}, at(0));
    for (int i = 0; i < 200; ++i) {
      const PartId id = compute_of(static_cast<std::uint16_t>(rng.below(80)));
      switch (rng.below(4)) {
        case 0: ledger.mark(id, any_time()); break;
        case 1: ledger.mark(id, any_time(), any_time()); break;
        case 2: ledger.add(id, ms(static_cast<std::int64_t>(rng.below(30)) - 10)); break;
        default: ledger.skip(at(static_cast<std::int64_t>(rng.below(300)))); break;
      }
    }

    const TurnRecord record = ledger.end(any_time());

    ASSERT_EQ(record.attributed() + record.unattributed(), record.total());
    ASSERT_GE(record.unattributed(), Duration{0});
    for (const PartTime& part : record.parts) ASSERT_GT(part.spent, Duration{0});
  }
}

TEST(TurnLedger, NeitherAllocatesNorLocks) {
  TurnLedger ledger;

  EXPECT_EQ(rt::breaches_in([&] {
              ledger.begin(TurnId{1}, at(0));
              ledger.mark(kQueue, at(50));
              static_cast<void>(ledger.end(at(60)));
            }),
            0u);
}

}  // namespace
}  // namespace millrace::metrics
