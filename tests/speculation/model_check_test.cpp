#include <gtest/gtest.h>

#include <cstdio>
#include <string>

#include "tests/speculation/explorer.hpp"
#include "tests/speculation/voice_line.hpp"

namespace millrace::tests {
namespace {

using policy::FenceDecision;
using policy::SpeculationLedger;

FenceDecision sound(const SpeculationLedger& ledger, const media::Lineage& lineage) {
  return ledger.fence(lineage);
}
constexpr Fence kSound{.boundary = sound, .exit = sound};

// The checks of the check: fences as they are built in a hurry.
FenceDecision asks_nothing(const SpeculationLedger&, const media::Lineage&) {
  return FenceDecision::pass;
}
FenceDecision lets_speculation_out(const SpeculationLedger& ledger, const media::Lineage& lineage) {
  return ledger.live(lineage) ? FenceDecision::pass : FenceDecision::drop;
}
FenceDecision forgets_revisions(const SpeculationLedger& ledger, const media::Lineage& lineage) {
  media::Lineage part = lineage;
  part.revision = 0;
  return ledger.fence(part);
}
FenceDecision forgets_interrupts(const SpeculationLedger& ledger, const media::Lineage& lineage) {
  media::Lineage part = lineage;
  if (ledger.turn_interrupted(part.turn) && ledger.turn_committed(part.turn)) part.turn = {};
  return ledger.fence(part);
}
FenceDecision asks_the_newest_segment_only(const SpeculationLedger& ledger,
                                           const media::Lineage& lineage) {
  media::Lineage part = lineage;
  while (part.segments.size() > 1) part.segments.erase(0);
  return ledger.fence(part);
}

Exploration explored(const Bounds& bounds, const Fence& fence) {
  const Exploration result = explore(VoiceLine(bounds, fence));
  std::printf("%s, %d steps, %d turns: %llu states, %llu transitions, %llu ends\n",
              bounds.driver == Driver::machines ? "gate and clock" : "free hand", bounds.steps,
              bounds.turns, static_cast<unsigned long long>(result.states),
              static_cast<unsigned long long>(result.transitions),
              static_cast<unsigned long long>(result.ends));
  if (!result.violation.empty()) {
    std::string way;
    for (const std::string& step : result.trace) way += "; " + step;
    std::printf("  found: %s%s\n", result.violation.c_str(), way.c_str());
  }
  return result;
}

// Sanitizers make every step ten times as slow: they get a smaller world of the same kind.
#ifdef MILLRACE_SANITIZED
constexpr int kFewer = 1;
#else
constexpr int kFewer = 0;
#endif

void expect_found(const Fence& fence, Driver driver, const char* invariant) {
  const Exploration result =
      explored({.driver = driver, .steps = driver == Driver::machines ? 6 : 2, .turns = 1}, fence);

  EXPECT_TRUE(result.violation.starts_with(invariant)) << "found: '" << result.violation << "'";
}

TEST(ModelCheck, NothingStaleLeavesInAnyOrderOfEventsBehindTheGateAndTheClock) {
  const Exploration result =
      explored({.driver = Driver::machines, .steps = 6 - kFewer, .turns = 2}, kSound);

  EXPECT_EQ(result.violation, "");
  EXPECT_GT(result.ends, 0U);
  const std::uint32_t expected = kTwoSegments | kTwoTurns | kMerged | kReplyLeft | kBacklog |
                                 kStoppedAtReturn | kStoppedAtExit | kOverflow |
                                 (kFewer == 0 ? kThreeGuesses : 0U);
  EXPECT_EQ(result.reached & expected, expected);
}

TEST(ModelCheck, NothingStaleLeavesWithMoreWindowsInOneTurn) {
  const Exploration result =
      explored({.driver = Driver::machines, .steps = 7 - 2 * kFewer, .turns = 1}, kSound);

  EXPECT_EQ(result.violation, "");
  EXPECT_GT(result.ends, 0U);
}

TEST(ModelCheck, NothingStaleLeavesWhenAllIsDecidedByAFreeHand) {
  const Exploration result =
      explored({.driver = Driver::free_hand, .steps = 2 - kFewer, .turns = 1}, kSound);

  EXPECT_EQ(result.violation, "");
  EXPECT_GT(result.ends, 0U);
  const std::uint32_t expected =
      kTwoSegments | kThreeGuesses | kReplyLeft | kBacklog | kStoppedAtReturn | kStoppedAtExit;
  EXPECT_EQ(result.reached & expected, expected);
}

TEST(CheckOfTheCheck, FindsAFenceThatDoesNotAskAgainAfterTheWait) {
  expect_found({.boundary = sound, .exit = asks_nothing}, Driver::machines, "I1");
}

TEST(CheckOfTheCheck, FindsAFenceThatLetsSpeculationOut) {
  expect_found({.boundary = lets_speculation_out, .exit = lets_speculation_out}, Driver::machines,
               "I7");
}

TEST(CheckOfTheCheck, FindsAFenceThatForgetsRevisions) {
  expect_found({.boundary = forgets_revisions, .exit = forgets_revisions}, Driver::machines, "I");
}

TEST(CheckOfTheCheck, FindsAFenceThatForgetsInterrupts) {
  expect_found({.boundary = forgets_interrupts, .exit = forgets_interrupts}, Driver::free_hand,
               "I1");
}

TEST(CheckOfTheCheck, FindsAFenceThatAsksForTheNewestSegmentOnly) {
  expect_found({.boundary = asks_the_newest_segment_only, .exit = asks_the_newest_segment_only},
               Driver::free_hand, "I");
}

TEST(CheckOfTheCheck, FindsABoundaryThatLetsLaterOutputOvertake) {
  expect_found({.boundary = sound, .exit = sound, .in_order = false}, Driver::free_hand, "I2");
}

}  // namespace
}  // namespace millrace::tests
