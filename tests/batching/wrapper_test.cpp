#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "millrace/testing/virtual_world.hpp"
#include "tests/batching/tap_figures.hpp"

namespace millrace::testing {
namespace {

using base::Instant;
using engine::EventType;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// text -> slow (100 ms a call, one at a time) -> out; `buffering` goes into the slow node.
std::string slow(const std::string& buffering, const std::string& more = "") {
  return "version: v1\n"
         "nodes:\n"
         "  - {id: mic, type: text_source}\n"
         "  - {id: slow, type: pool_text, buffering: " +
         buffering + more +
         ", capabilities: {parallelizable: false, batch_aware: true, virtual_cost: {first_us: "
         "100000, per_unit_us: 10000}}}\n"
         "  - {id: out, type: text_sink}\n"
         "edges:\n"
         "  - {from: mic, to: slow}\n"
         "  - {from: slow, to: out}\n";
}

constexpr const char* kGreedy = "{mode: greedy, merge_strategy: concatenate_text}";
constexpr const char* kApart = "{mode: greedy, merge_strategy: keep_separate}";

TEST(Wrapper, NeverMakesALoneInputWait) {
  VirtualWorld world(slow(kGreedy));
  world.open();
  world.feed().add_text(world.stage("mic"), "hello", at(10));
  world.feed().end(world.stage("mic"));

  world.run();

  EXPECT_THAT(world.broken(), IsEmpty());
  EXPECT_THAT(left(world.tap()), ElementsAre(110));
}

TEST(Wrapper, TakesWhatGatheredWhileACallRan) {
  VirtualWorld world(slow(kGreedy));
  world.open();
  for (int i = 0; i < 5; ++i)
    world.feed().add_text(world.stage("mic"), std::string(1, static_cast<char>('a' + i)),
                          at(10 + 5 * i));
  world.feed().end(world.stage("mic"));

  world.run();

  EXPECT_THAT(world.broken(), IsEmpty());
  EXPECT_THAT(world.tap().texts(), ElementsAre("a", "b c d e"));
  EXPECT_THAT(batches(world.tap()), ElementsAre(1, 4));
  EXPECT_THAT(left(world.tap()), ElementsAre(110, 210));
}

TEST(Wrapper, KeepsInputsSeparateInOneCall) {
  VirtualWorld world(slow(kApart));
  world.open();
  for (int i = 0; i < 4; ++i)
    world.feed().add_text(world.stage("mic"), std::to_string(i), at(10 + 5 * i));
  world.feed().end(world.stage("mic"));

  world.run();

  EXPECT_THAT(world.tap().texts(), ElementsAre("0", "1", "2", "3"));
  EXPECT_THAT(batches(world.tap()), ElementsAre(1, 3));
}

TEST(Wrapper, WaitsForItsNumberOrItsTimeInFixedMode) {
  const std::string fixed =
      "{mode: fixed, min_batch_size: 3, max_wait_ms: 50, max_buffer_size: 10, merge_strategy: "
      "concatenate_text}";
  VirtualWorld world(slow(fixed));
  world.open();
  for (int i = 0; i < 3; ++i)
    world.feed().add_text(world.stage("mic"), std::to_string(i), at(10 + 5 * i));
  world.feed().add_text(world.stage("mic"), "alone", at(500));
  world.feed().end(world.stage("mic"));

  world.run();

  EXPECT_THAT(world.tap().texts(), ElementsAre("0 1 2", "alone"));
  EXPECT_THAT(left(world.tap()), ElementsAre(120, 650));
}

TEST(Wrapper, StartsAtOnceWhenItsBufferIsFull) {
  const std::string fixed =
      "{mode: fixed, min_batch_size: 2, max_wait_ms: 400, max_buffer_size: 2, merge_strategy: "
      "concatenate_text}";
  VirtualWorld world(slow(fixed));
  world.open();
  for (int i = 0; i < 2; ++i) world.feed().add_text(world.stage("mic"), std::to_string(i), at(10));
  world.feed().end(world.stage("mic"));

  world.run();

  EXPECT_THAT(left(world.tap()), ElementsAre(110));
}

TEST(Wrapper, NeverJoinsSessions) {
  VirtualWorld world(slow(kGreedy));
  for (std::size_t s = 0; s < 3; ++s) {
    world.open();
    for (int i = 0; i < 4; ++i)
      world.feed(s).add_text(world.stage("mic"), std::string(1, static_cast<char>('a' + s)),
                             at(10 + 5 * i));
    world.feed(s).end(world.stage("mic"));
  }

  world.run();

  EXPECT_THAT(world.broken(), IsEmpty());
  for (std::size_t s = 0; s < 3; ++s) {
    std::string all;
    for (const std::string& text : world.tap(s).texts()) all += text;
    std::erase(all, ' ');
    EXPECT_EQ(all, std::string(4, static_cast<char>('a' + s)));
  }
}

TEST(Wrapper, GivesASessionItsShareBesideOneThatFloods) {
  VirtualWorld world(slow(kApart, ", queue: {policy: block, capacity: 50}"));
  world.open();
  world.open();
  for (int i = 0; i < 200; ++i) world.feed(0).add_text(world.stage("mic"), "flood", at(10));
  world.feed(0).end(world.stage("mic"));
  for (int i = 0; i < 5; ++i)
    world.feed(1).add_text(world.stage("mic"), "calm", at(1'000 + 1'000 * i));
  world.feed(1).end(world.stage("mic"));

  world.run();

  EXPECT_THAT(world.broken(), IsEmpty());
  EXPECT_EQ(world.tap(0).texts().size(), 200U);
  const auto times = left(world.tap(1));
  ASSERT_EQ(times.size(), 5U);
  // The call that runs (at most 32 inputs, 410 ms) and its own: never the whole flood.
  for (std::size_t i = 0; i < times.size(); ++i)
    EXPECT_LE(times[i] - (1'000 + 1'000 * static_cast<std::int64_t>(i)), 520) << i;
}

TEST(Wrapper, DropsWhatIsPastItsDeadlineInsteadOfStartingIt) {
  VirtualWorld world(
      slow(kApart, ", deadline: {budget_ms: 150, give_up: [drop]}, queue: {policy: block}"));
  world.open();
  for (int i = 0; i < 60; ++i)
    world.feed().add_text(world.stage("mic"), std::to_string(i), at(10 + i));
  world.feed().end(world.stage("mic"));

  world.run();

  EXPECT_THAT(world.broken(), IsEmpty());
  const std::uint64_t late = drops(world.tap(), base::DropReason::deadline);
  EXPECT_GT(late, 0U);
  EXPECT_EQ(world.tap().texts().size() + late, 60U);
}

TEST(Wrapper, DropsWhatWaitedLongerThanItsQueueAllows) {
  VirtualWorld world(slow(kApart, ", queue: {max_age_ms: 50}"));
  world.open();
  world.feed().add_text(world.stage("mic"), "first", at(10));
  world.feed().add_text(world.stage("mic"), "old", at(11));
  world.feed().end(world.stage("mic"));

  world.run();

  EXPECT_THAT(world.tap().texts(), ElementsAre("first"));
  EXPECT_EQ(drops(world.tap(), base::DropReason::max_age), 1U);
}

TEST(Wrapper, RepeatsItselfToTheBit) {
  const auto run = [] {
    VirtualWorld world(slow(kGreedy));
    for (std::size_t s = 0; s < 4; ++s) {
      world.open();
      for (int i = 0; i < 20; ++i)
        world.feed(s).add_text(world.stage("mic"), std::to_string(i),
                               at(10 + 7 * i + static_cast<int>(s)));
      world.feed(s).end(world.stage("mic"));
    }
    world.run();
    std::vector<std::string> all;
    for (std::size_t s = 0; s < 4; ++s)
      for (const std::string& text : world.tap(s).texts()) all.push_back(text);
    return all;
  };
  EXPECT_EQ(run(), run());
}

}  // namespace
}  // namespace millrace::testing
