#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "millrace/testing/virtual_world.hpp"
#include "tests/batching/tap_figures.hpp"

// Calls of several sessions that run together: one call takes 100 ms, and 10 ms more for each
// further session.
namespace millrace::testing {
namespace {

using base::Instant;
using engine::EventType;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string choir(const std::string& more = "", const std::string& executor = "pool_threads: 2") {
  return "version: v1\n"
         "nodes:\n"
         "  - {id: mic, type: text_source}\n"
         "  - {id: choir, type: choir" +
         more +
         "}\n"
         "  - {id: out, type: text_sink}\n"
         "edges:\n"
         "  - {from: mic, to: choir}\n"
         "  - {from: choir, to: out}\n"
         "executor: {" +
         executor + "}\n";
}

void say(VirtualWorld& world, std::size_t session, const std::string& text, int ms) {
  world.feed(session).add_text(world.stage("mic"), text, at(ms));
}

void end_all(VirtualWorld& world, std::size_t sessions) {
  for (std::size_t s = 0; s < sessions; ++s) world.feed(s).end(world.stage("mic"));
}

TEST(Together, RunsWhatGatheredOverSessionsInOneCall) {
  VirtualWorld world(choir());
  for (std::size_t s = 0; s < 4; ++s) {
    world.open();
    say(world, s, "hello", 10 + 10 * static_cast<int>(s));
  }
  end_all(world, 4);

  world.run();

  EXPECT_THAT(world.broken(), IsEmpty());
  EXPECT_THAT(world.tap(0).texts(), ElementsAre("hello/1"));
  EXPECT_THAT(left(world.tap(0)), ElementsAre(110));
  for (std::size_t s = 1; s < 4; ++s) {
    EXPECT_THAT(world.tap(s).texts(), ElementsAre("hello/3"));
    EXPECT_THAT(left(world.tap(s)), ElementsAre(230));
    EXPECT_THAT(batches(world.tap(s)), ElementsAre(3));
  }
}

TEST(Together, TakesASessionOnceInACallAndKeepsItsOrder) {
  VirtualWorld world(choir());
  for (std::size_t s = 0; s < 3; ++s) {
    world.open();
    for (int i = 0; i < 3; ++i) say(world, s, std::string(1, static_cast<char>('a' + i)), 10 + i);
  }
  end_all(world, 3);

  world.run();

  EXPECT_THAT(world.broken(), IsEmpty());
  for (std::size_t s = 0; s < 3; ++s) {
    std::string said;
    for (const std::string& text : world.tap(s).texts()) said += text.substr(0, 1);
    EXPECT_EQ(said, "abc");
  }
}

TEST(Together, RunsAtMostSixteenSessionsInACallAndAllOfThemInTheEnd) {
  constexpr std::size_t kSessions = 40;
  VirtualWorld world(choir(", buffering: {max_buffer_size: 50, merge_strategy: keep_separate}"),
                     kSessions);
  for (std::size_t s = 0; s < kSessions; ++s) {
    world.open();
    say(world, s, "hello", s == 0 ? 10 : 20);
  }
  end_all(world, kSessions);

  world.run();

  EXPECT_THAT(world.broken(), IsEmpty());
  std::size_t largest = 0;
  for (std::size_t s = 0; s < kSessions; ++s) {
    ASSERT_THAT(world.tap(s).texts(), SizeIs(1));
    largest = std::max<std::size_t>(largest, batches(world.tap(s)).front());
  }
  EXPECT_EQ(largest, engine::Lane::kMostTogether);
}

TEST(Together, SaysAtOnceWhatDefersNothing) {
  VirtualWorld world(choir());
  world.open();
  say(world, 0, "-a", 10);
  say(world, 0, "-b", 20);
  say(world, 0, "c", 30);
  end_all(world, 1);

  world.run();

  EXPECT_THAT(world.broken(), IsEmpty());
  EXPECT_THAT(world.tap().texts(), ElementsAre("-a", "-b", "c/1"));
}

TEST(Together, OneThatFailsDoesNotTouchTheOthers) {
  VirtualWorld world(choir());
  for (std::size_t s = 0; s < 3; ++s) {
    world.open();
    say(world, s, "first", 10);
    say(world, s, s == 1 ? "fail" : "second", 20);
    say(world, s, "third", 30);
  }
  end_all(world, 3);

  world.run();

  EXPECT_THAT(world.broken(), IsEmpty());
  EXPECT_EQ(world.tap(1).count(EventType::failed), 1U);
  EXPECT_THAT(world.tap(1).texts(), SizeIs(2));
  for (const std::size_t s : {0U, 2U}) {
    EXPECT_EQ(world.tap(s).count(EventType::failed), 0U);
    EXPECT_THAT(world.tap(s).texts(), SizeIs(3));
  }
}

TEST(Together, ACallThatFailsAsAWholeIsToldToEachAndTheNextOneRuns) {
  VirtualWorld world(choir());
  for (std::size_t s = 0; s < 3; ++s) {
    world.open();
    say(world, s, "alone", 10 + static_cast<int>(s));
    say(world, s, s == 2 ? "fail all" : "lost", 20);
    say(world, s, "again", 400);
  }
  end_all(world, 3);

  world.run();

  EXPECT_THAT(world.broken(), IsEmpty());
  std::size_t failed = 0;
  for (std::size_t s = 0; s < 3; ++s) {
    failed += world.tap(s).count(EventType::failed);
    EXPECT_EQ(world.tap(s).texts().back().substr(0, 5), "again");
  }
  EXPECT_GE(failed, 1U);
  std::size_t said = 0;
  for (std::size_t s = 0; s < 3; ++s) said += world.tap(s).texts().size();
  EXPECT_EQ(said + failed, 9U) << "each input is said once or told as failed once";
}

TEST(Together, DoesNotStartWhatIsPastItsDeadline) {
  VirtualWorld world(choir(", deadline: {budget_ms: 50}"));
  for (std::size_t s = 0; s < 3; ++s) {
    world.open();
    say(world, s, "hello", 10 + static_cast<int>(s));
    say(world, s, "later", 500 + 200 * static_cast<int>(s));
  }
  end_all(world, 3);

  world.run();

  EXPECT_THAT(world.broken(), IsEmpty());
  EXPECT_THAT(world.tap(0).texts(), ElementsAre("hello/1", "later/1"));
  for (std::size_t s = 1; s < 3; ++s) {
    EXPECT_THAT(world.tap(s).texts(), ElementsAre("later/1"));
    EXPECT_EQ(drops(world.tap(s), base::DropReason::deadline), 1U);
  }
}

TEST(Together, StartsNothingWhoseDeadlineIsPastOnArrival) {
  VirtualWorld world(choir());
  world.open();
  media::Packet late;
  late.kind = media::PacketKind::text;
  late.deadline = at(5);
  late.payload = rt::Payload::copy_of(std::as_bytes(std::span<const char>("late", 4)));
  world.feed().add(at(10), world.stage("mic"), std::move(late));
  say(world, 0, "next", 10);
  end_all(world, 1);

  world.run();

  EXPECT_THAT(world.broken(), IsEmpty());
  EXPECT_THAT(world.tap().texts(), ElementsAre("next/1"));
  EXPECT_EQ(drops(world.tap(), base::DropReason::deadline), 1U);
}

TEST(Together, WaitsForItsNumberOrItsTimeInFixedMode) {
  VirtualWorld world(
      choir(", buffering: {mode: fixed, min_batch_size: 3, max_wait_ms: 50, max_buffer_size: 10, "
            "merge_strategy: keep_separate}"));
  for (std::size_t s = 0; s < 3; ++s) {
    world.open();
    say(world, s, "hello", 10 + 5 * static_cast<int>(s));
  }
  say(world, 1, "alone", 500);
  end_all(world, 3);

  world.run();

  EXPECT_THAT(left(world.tap(0)), ElementsAre(140));
  EXPECT_THAT(left(world.tap(1)), ElementsAre(140, 650));
}

// A guess of each session is withdrawn before, during and after the call that answers it.
TEST(Together, LetsNothingOfAWithdrawnGuessOutWheneverItIsWithdrawn) {
  constexpr const char* kAnswers = R"(
version: v1
nodes:
  - {id: mic, type: source}
  - {id: gate, type: scripted_gate}
  - {id: answer, type: answer, capabilities: {parallelizable: false, batch_aware: true, virtual_cost: {first_us: 30000, per_session_us: 5000}}}
  - {id: speak, type: speak}
  - {id: out, type: sink}
edges:
  - {from: mic, to: gate}
  - {from: gate, to: answer}
  - {from: answer, to: speak}
  - {from: speak, to: out}
executor: {pool_threads: 2}
)";
  const auto command = [](GateCommand what) { return static_cast<int>(what); };
  std::uint64_t together = 0;
  for (int after = 0; after < 8; ++after) {
    VirtualWorld world(kAnswers);
    for (std::size_t s = 0; s < 6; ++s) {
      world.open();
      ScriptFeed& feed = world.feed(s);
      const std::uint32_t mic = world.stage("mic");
      for (int turn = 0; turn < 3; ++turn) {
        feed.add_audio(mic, command(GateCommand::open));
        feed.add_audio(mic, command(GateCommand::confirm));
        feed.add_audio(mic, command(GateCommand::eager));
        for (int i = 0; i < (after + static_cast<int>(s)) % 8; ++i)
          feed.add_audio(mic, command(GateCommand::pass));
        feed.add_audio(mic, command(GateCommand::resume));
        feed.add_audio(mic, command(GateCommand::pass));
        feed.add_audio(mic, command(GateCommand::eager));
        for (int i = 0; i < 3; ++i) feed.add_audio(mic, command(GateCommand::pass));
        feed.add_audio(mic, command(GateCommand::end_turn));
        feed.add_audio(mic, command(GateCommand::close));
      }
      feed.end(mic);
    }

    world.run();

    EXPECT_THAT(world.broken(), IsEmpty()) << after;
    for (std::size_t s = 0; s < 6; ++s) {
      EXPECT_EQ(world.tap(s).stale, 0U);
      EXPECT_GT(world.tap(s).frames(), 0U) << "the reply that stood was spoken";
      for (const std::uint64_t size : batches(world.tap(s))) together = std::max(together, size);
    }
  }
  EXPECT_GE(together, 3U) << "guesses of several sessions were answered together";
}

TEST(Together, RunsTwiceTheSame) {
  const auto once = [] {
    VirtualWorld world(choir());
    for (std::size_t s = 0; s < 6; ++s) {
      world.open();
      for (int i = 0; i < 4; ++i)
        say(world, s, "text" + std::to_string(i), 7 * (static_cast<int>(s) + 1) + 60 * i);
    }
    end_all(world, 6);
    world.run();
    std::string all;
    for (std::size_t s = 0; s < 6; ++s) {
      for (const std::string& text : world.tap(s).texts()) all += text + " ";
      for (const std::int64_t ms : left(world.tap(s))) all += std::to_string(ms) + " ";
    }
    return all;
  };

  EXPECT_EQ(once(), once());
}

}  // namespace
}  // namespace millrace::testing
