#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <string>

#include "tests/speculation/random_world.hpp"

// Random graphs, random queues, random callers and random control, in virtual time: whatever they
// do, nothing that was withdrawn leaves, and every packet is accounted for.
namespace millrace::testing {
namespace {

using ::testing::IsEmpty;

#if defined(MILLRACE_SANITIZED) || !defined(__OPTIMIZE__)
constexpr std::uint64_t kCancels = 30'000;
#else
constexpr std::uint64_t kCancels = 1'000'000;
#endif
constexpr std::size_t kSessions = 8;
constexpr int kWorldsPerPlan = 2;

struct Totals {
  std::uint64_t cases = 0;
  std::uint64_t sessions = 0;
  std::uint64_t cancels = 0;
  std::uint64_t stale = 0;
  std::uint64_t controls = 0;
  std::uint64_t outputs = 0;
  std::uint64_t withheld = 0;
  std::uint64_t dropped = 0;
};

/// The accounts of every queue of `world`, in the middle of it.
bool balanced(VirtualWorld& world) {
  for (const auto& session : world.runner().sessions())
    for (const engine::EdgeQueue& queue : session->queues)
      if (queue.residual() != 0) return false;
  return true;
}

/// False when an account did not add up on the way.
bool drive(base::Rng& rng, VirtualWorld& world, Totals& totals) {
  const std::uint64_t every = rng.below(3) == 0 ? 2 : 8 + rng.below(40);
  while (world.runner().step()) {
    if (rng.below(every) != 0) continue;
    const auto& sessions = world.runner().sessions();
    const auto& session = *sessions[rng.below(sessions.size())];
    // Now and then a session that does not exist.
    const std::uint64_t number = rng.below(50) == 0 ? 1'000 : session.number;
    if (world.runner().control({number, random_control(rng, session)})) ++totals.controls;
    if (rng.below(16) == 0 && !balanced(world)) return false;
  }
  return true;
}

/// One plan with a few worlds of sessions; the sentences that say what broke.
std::vector<std::string> run_case(std::uint64_t seed, Totals& totals) {
  base::Rng rng(seed);
  const auto plan = test_plan(random_manifest(rng));
  std::vector<std::string> broken;
  for (int w = 0; w < kWorldsPerPlan && broken.empty(); ++w) {
    VirtualWorld world(plan, kSessions);
    const std::uint32_t mic = world.stage("mic");
    for (std::size_t s = 0; s < kSessions; ++s) {
      world.open();
      const auto caller = static_cast<Caller>(std::array{0, 0, 0, 0, 1, 2}[rng.below(6)]);
      const auto packets = static_cast<int>(caller == Caller::flood ? 600 : 120);
      write_random_script(rng, world.feed(s), mic, packets, caller, static_cast<int>(s + 1));
    }
    const bool adds_up = drive(rng, world, totals);
    world.run();
    broken = broken_in(world);
    if (!adds_up) broken.emplace_back("I5: a residual on the way");
    totals.sessions += kSessions;
    for (std::size_t s = 0; s < kSessions; ++s) {
      const CheckedTap& tap = world.tap(s);
      totals.cancels += tap.cancels;
      totals.stale += tap.stale;
      totals.outputs += tap.outputs.size();
      totals.withheld += tap.count(engine::EventType::withheld);
      for (const engine::EdgeQueue& queue : world.session(s).queues)
        totals.dropped += queue.counters().dropped_in_all();
    }
  }
  ++totals.cases;
  return broken;
}

void print(const Totals& totals) {
  const auto n = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
  std::printf(
      "%llu graphs, %llu sessions, %llu cancels, %llu stale, %llu foreign controls, %llu outputs, "
      "%llu withheld, %llu dropped\n",
      n(totals.cases), n(totals.sessions), n(totals.cancels), n(totals.stale), n(totals.controls),
      n(totals.outputs), n(totals.withheld), n(totals.dropped));
}

TEST(Property, NothingWithdrawnLeavesWhateverTheGraphAndTheCallersDo) {
  const std::uint64_t first = seed_of_run(20'261'128);
  Totals totals;

  for (std::uint64_t seed = first; totals.cancels < kCancels; ++seed) {
    const std::vector<std::string> broken = run_case(seed, totals);
    base::Rng rng(seed);
    ASSERT_THAT(broken, IsEmpty()) << "MILLRACE_SEED=" << seed << " repeats it; the graph is\n"
                                   << random_manifest(rng);
  }

  print(totals);
  EXPECT_EQ(totals.stale, 0U);
  EXPECT_GE(totals.cancels, kCancels);
  EXPECT_GT(totals.outputs, 0U) << "something must leave, or nothing was tested";
  EXPECT_GT(totals.withheld, 0U);
}

TEST(Property, TheSameSeedGivesTheSameRun) {
  const std::uint64_t seed = seed_of_run(7);
  Totals one;
  Totals two;

  const auto first = run_case(seed, one);
  const auto second = run_case(seed, two);

  EXPECT_EQ(first, second);
  EXPECT_EQ(one.cancels, two.cancels);
  EXPECT_EQ(one.outputs, two.outputs);
  EXPECT_EQ(one.dropped, two.dropped);
  EXPECT_EQ(one.controls, two.controls);
}

// The check of the checker: it is told what a broken fence would do, and must say so.
class Checker : public ::testing::Test {
 protected:
  void tell(engine::EventType type, std::uint32_t segment, std::uint32_t turn = 0,
            base::Revision revision = 0) {
    engine::Event event;
    event.type = type;
    event.segment = {segment};
    event.lineage.turn = {turn};
    event.lineage.revision = revision;
    tap_.event(event);
  }
  void leaves(std::uint32_t segment, std::uint32_t turn = 0, base::Revision revision = 0) {
    engine::Event event;
    event.type = engine::EventType::output;
    event.state = media::PacketState::speculative;
    event.lineage.add({segment});
    event.lineage.turn = {turn};
    event.lineage.revision = revision;
    tap_.event(event);
  }
  CheckedTap tap_;
};

TEST_F(Checker, FindsWhatLeavesAfterItsSegmentWasCancelled) {
  tell(engine::EventType::speculation_started, 1);
  leaves(1);
  ASSERT_THAT(tap_.broken, IsEmpty());
  tell(engine::EventType::speculation_cancelled, 1);

  leaves(1);

  EXPECT_EQ(tap_.stale, 1U);
  EXPECT_THAT(tap_.broken, ::testing::ElementsAre(::testing::HasSubstr("I1")));
}

TEST_F(Checker, FindsTheReplyToAGuessThatWasWithdrawn) {
  tell(engine::EventType::eager_end_of_turn, 0, 3, 1);
  tell(engine::EventType::turn_resumed, 0, 3, 1);

  leaves(0, 3, 1);

  EXPECT_EQ(tap_.stale, 1U);
}

TEST_F(Checker, FindsWhatLeavesAfterAnInterruption) {
  tell(engine::EventType::interrupt, 0, 4);

  leaves(0, 3);

  EXPECT_EQ(tap_.stale, 1U);
}

TEST_F(Checker, FindsASegmentThatEndsTwice) {
  tell(engine::EventType::speculation_started, 1);
  tell(engine::EventType::speculation_confirmed, 1);

  tell(engine::EventType::speculation_cancelled, 1);

  EXPECT_THAT(tap_.broken, ::testing::ElementsAre(::testing::HasSubstr("I3")));
}

TEST_F(Checker, FindsARevisionThatGoesBack) {
  leaves(0, 1, 2);

  leaves(0, 1, 1);

  EXPECT_THAT(tap_.broken, ::testing::ElementsAre(::testing::HasSubstr("I4")));
}

TEST_F(Checker, FindsAResumeOfAGuessThatWasNeverMade) {
  tell(engine::EventType::turn_resumed, 0, 1, 1);

  EXPECT_THAT(tap_.broken, ::testing::ElementsAre(::testing::HasSubstr("I8")));
}

}  // namespace
}  // namespace millrace::testing
