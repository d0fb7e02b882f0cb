#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "millrace/engine/engine.hpp"
#include "millrace/testing/virtual_world.hpp"

// A session closes while inputs of it wait in a wrapper, or are in a call. In real time nothing
// depends on how fast the machine is: every wait is for something that must come.
namespace millrace::testing {
namespace {

using base::Instant;
using std::chrono::milliseconds;
using ::testing::ElementsAre;

std::string line_of(const std::string& node, int threads = 2) {
  return "version: v1\n"
         "nodes:\n"
         "  - {id: mic, type: text_source}\n"
         "  - {id: slow, " +
         node +
         "}\n"
         "  - {id: out, type: text_sink}\n"
         "edges:\n"
         "  - {from: mic, to: slow}\n"
         "  - {from: slow, to: out}\n"
         "executor: {max_sessions: 2, pool_threads: " +
         std::to_string(threads) + "}\n";
}

/// Two sessions with three texts each; the first closes at `when_ms`.
std::vector<std::string> said_beside(const std::string& node, int when_ms) {
  VirtualWorld world(line_of(node));
  for (std::size_t s = 0; s < 2; ++s) {
    world.open();
    for (int i = 0; i < 3; ++i)
      world.feed(s).add_text(world.stage("mic"), std::string(1, static_cast<char>('a' + i)),
                             Instant{milliseconds(10 + 10 * i)});
    world.feed(s).end(world.stage("mic"));
  }
  world.runner().run(
      [&] { return world.runner().clock().now() >= Instant{milliseconds(when_ms)}; });
  EXPECT_TRUE(world.runner().shard().release(&world.session(0)));
  world.runner().shard().control_pass();
  world.runner().run();

  EXPECT_TRUE(world.session(0).released.load());
  EXPECT_TRUE(world.session(1).ended.load()) << node << " at " << when_ms;
  for (std::size_t s = 0; s < 2; ++s) {
    EXPECT_EQ(world.queue("mic", "slow", s).residual(), 0);
    EXPECT_EQ(world.queue("slow", "out", s).residual(), 0);
  }
  return world.tap(1).texts();
}

TEST(BatchingClose, LeavesTheJoinedInputsOfTheOtherSession) {
  const std::string joined =
      "type: pool_text, buffering: {mode: greedy, merge_strategy: concatenate_text}, capabilities: "
      "{parallelizable: false, virtual_cost: {first_us: 100000}}";
  for (const int when_ms : {11, 25, 60, 115, 150, 215}) {
    std::string all;
    for (const std::string& text : said_beside(joined, when_ms)) all += text;
    std::erase(all, ' ');
    EXPECT_EQ(all, "abc") << when_ms;
  }
}

TEST(BatchingClose, LeavesTheOtherSessionsOfItsCall) {
  for (const int when_ms : {11, 25, 60, 115, 150, 225, 340}) {
    std::string all;
    for (const std::string& text : said_beside("type: choir", when_ms)) all += text.substr(0, 1);
    EXPECT_EQ(all, "abc") << when_ms;
  }
}

// Calls that hang --------------------------------------------------------------------------------

bool push(engine::SessionHandle& session, const std::string& text) {
  media::Packet packet;
  packet.kind = media::PacketKind::text;
  packet.payload = rt::Payload::copy_of(std::as_bytes(std::span<const char>(text)));
  return session.push(0, std::move(packet));
}

void wait_for_hung(int calls) {
  while (hung_calls() != calls) std::this_thread::sleep_for(milliseconds(1));
}

std::vector<std::string> texts_of(engine::SessionHandle& session) {
  while (!session.end_input(0)) std::this_thread::sleep_for(milliseconds(1));
  std::vector<std::string> texts;
  engine::OutputPacket output;
  for (bool ended = false; !ended;) {
    ended = session.ended();
    while (session.next_output(output)) texts.emplace_back(output.packet.text());
    std::this_thread::sleep_for(milliseconds(1));
  }
  return texts;
}

/// A first session says "hang" until a call of it hangs, and closes; a second one says "hello", and
/// `beside` calls hang with it.
void close_hung(const std::string& node, int beside, const std::string& said) {
  hold_hung_nodes();
  auto engine = engine::Engine::start(test_plan(line_of(node)));
  ASSERT_TRUE(engine.has_value());
  auto stuck = (*engine)->open("stuck");
  auto other = (*engine)->open("other");
  ASSERT_TRUE(stuck.has_value() && other.has_value());
  while (hung_calls() == 0) {
    (void)push(**stuck, "hang");
    std::this_thread::sleep_for(milliseconds(1));
  }
  (void)push(**stuck, "never");
  ASSERT_TRUE(push(**other, "hello"));

  (*stuck)->close();

  EXPECT_EQ((*engine)->totals().shards.abandoned_lanes, 1U);
  wait_for_hung(1 + beside);
  release_hung_nodes();
  EXPECT_THAT(texts_of(**other), ElementsAre(said));
  (*other)->close();
  wait_for_hung(0);
}

TEST(BatchingClose, OfACallThatHangsDoesNotHoldUpTheWrapper) {
  close_hung("type: hang_text, buffering: {mode: greedy, merge_strategy: keep_separate}", 1,
             "hello");
}

TEST(BatchingClose, OfACallThatHangsLetsTheOtherSessionsRunAfterIt) {
  close_hung("type: choir", 0, "hello/1");
}

TEST(BatchingClose, OfACustomMergeThatHangsIsLikeThatOfANode) {
  close_hung(
      "type: pool_text, buffering: {mode: fixed, min_batch_size: 2, max_wait_ms: 1000, "
      "max_buffer_size: 2, merge_strategy: {custom: {name: plus}}}",
      0, "hello");
}

}  // namespace
}  // namespace millrace::testing
