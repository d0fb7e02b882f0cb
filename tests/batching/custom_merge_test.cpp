#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "millrace/testing/virtual_world.hpp"

// Inputs of a call that foreign code joins: on the worker, in front of the node.
namespace millrace::testing {
namespace {

using base::Instant;
using engine::EventType;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// text -> slow (100 ms a call) -> out, with "plus" of the test nodes in front of slow.
constexpr const char* kPlus = R"(
version: v1
nodes:
  - {id: mic, type: text_source}
  - {id: slow, type: pool_text, buffering: {mode: greedy, merge_strategy: {custom: {name: plus}}}, capabilities: {parallelizable: false, batch_aware: true, virtual_cost: {first_us: 100000, per_unit_us: 10000}}}
  - {id: out, type: text_sink}
edges:
  - {from: mic, to: slow}
  - {from: slow, to: out}
)";

/// `first` runs alone; `rest` gather meanwhile, and are the next call.
class CustomMerge : public ::testing::Test {
 protected:
  void say(const std::string& first, const std::vector<std::string>& rest) {
    world_.open();
    add(first, 10, {});
    int ms = 20;
    for (const std::string& text : rest) add(text, ms++, {});
  }
  void add(const std::string& text, int ms, media::Lineage lineage, Instant deadline = kNone) {
    media::Packet packet;
    packet.kind = media::PacketKind::text;
    packet.lineage = lineage;
    packet.deadline = deadline;
    packet.payload = rt::Payload::copy_of(std::as_bytes(std::span<const char>(text)));
    world_.feed().add(Instant{milliseconds(ms)}, world_.stage("mic"), std::move(packet));
  }
  void run() {
    world_.feed().end(world_.stage("mic"));
    world_.run();
    EXPECT_THAT(world_.broken(), IsEmpty());
  }
  /// What hangs on a segment of its own, which stands.
  [[nodiscard]] media::Lineage confirmed() {
    media::Control confirm;
    confirm.type = media::ControlType::confirm_speculation;
    confirm.segment = world_.session().shared->ledger.open(policy::SegmentKind::onset);
    media::Lineage lineage;
    lineage.add(confirm.segment);
    EXPECT_TRUE(world_.runner().control({.session = world_.session().number, .control = confirm}));
    return lineage;
  }
  [[nodiscard]] std::vector<std::string> failures() {
    std::vector<std::string> all;
    for (const engine::Event& event : world_.tap().events) {
      if (event.type != EventType::failed) continue;
      const auto chars = event.body.as<char>();
      all.emplace_back(chars.data(), chars.size());
    }
    return all;
  }
  [[nodiscard]] const metrics::NodeStats& stats() {
    return world_.runner().shard().stats(world_.stage("slow"));
  }

  static constexpr Instant kNone = media::kNoDeadline;
  VirtualWorld world_{kPlus};
};

TEST_F(CustomMerge, JoinsWhatGatheredToOneCall) {
  say("a", {"b", "c", "d"});

  run();

  EXPECT_THAT(world_.tap().texts(), ElementsAre("a", "b+c+d"));
  EXPECT_EQ(stats().merges_failed(), 0U);
  EXPECT_EQ(stats().kept_separate(), 0U);
}

TEST_F(CustomMerge, IsToldOfInTheBatchEventWithThePacketsItMakes) {
  say("a", {"b", "c", "d"});

  run();

  std::vector<std::uint64_t> inputs;
  std::vector<std::uint64_t> packets;
  for (const engine::Event& event : world_.tap().events) {
    if (event.type != EventType::batch) continue;
    inputs.push_back(event.count);
    packets.push_back(event.calls);
  }
  EXPECT_THAT(inputs, ElementsAre(1U, 3U));
  EXPECT_THAT(packets, ElementsAre(1U, 1U));
}

TEST_F(CustomMerge, IsNotAskedAboutASingleInput) {
  say("throw", {"refuse"});

  run();

  EXPECT_THAT(world_.tap().texts(), ElementsAre("throw", "refuse"));
  EXPECT_THAT(failures(), IsEmpty());
}

TEST_F(CustomMerge, LosesNothingWhenItThrows) {
  say("a", {"b", "throw", "d"});

  run();

  EXPECT_THAT(world_.tap().texts(), ElementsAre("a", "b", "throw", "d"));
  EXPECT_THAT(failures(),
              ElementsAre("merge plus failed, 3 inputs stay separate: it threw: no more "
                          "plus signs"));
  EXPECT_EQ(stats().merges_failed(), 1U);
  EXPECT_EQ(stats().kept_separate(), 2U);
}

TEST_F(CustomMerge, LosesNothingWhenItThrowsWhatIsNoException) {
  say("a", {"b", "throw all"});

  run();

  EXPECT_THAT(world_.tap().texts(), ElementsAre("a", "b", "throw all"));
  EXPECT_THAT(failures(), ElementsAre(HasSubstr("it threw what is no std::exception")));
}

TEST_F(CustomMerge, LosesNothingWhenItFails) {
  say("a", {"b", "refuse"});

  run();

  EXPECT_THAT(world_.tap().texts(), ElementsAre("a", "b", "refuse"));
  EXPECT_THAT(failures(), ElementsAre(HasSubstr("these do not go together")));
}

TEST_F(CustomMerge, LosesNothingWhenItMakesWhatMayNotBe) {
  for (const char* word : {"vanish", "grow", "sing"}) {
    VirtualWorld world(kPlus);
    world.open();
    world.feed().add_text(world.stage("mic"), "a", Instant{milliseconds(10)});
    world.feed().add_text(world.stage("mic"), "b", Instant{milliseconds(20)});
    world.feed().add_text(world.stage("mic"), word, Instant{milliseconds(21)});
    world.feed().end(world.stage("mic"));

    world.run();

    EXPECT_THAT(world.broken(), IsEmpty());
    EXPECT_THAT(world.tap().texts(), ElementsAre("a", "b", word));
    EXPECT_EQ(world.tap().count(EventType::failed), 1U) << word;
  }
}

TEST_F(CustomMerge, HasNoSayInWhatTheResultHangsOn) {
  world_.open();
  const media::Lineage lineage = confirmed();
  add("a", 10, lineage);
  add("b", 20, lineage, Instant{milliseconds(5'000)});
  add("c", 21, lineage, Instant{milliseconds(4'000)});

  run();

  ASSERT_EQ(world_.tap().outputs.size(), 2U);
  const media::Packet& joined = world_.tap().outputs[1].packet;
  EXPECT_EQ(joined.text(), "b+c");
  EXPECT_EQ(joined.lineage, lineage);
  EXPECT_EQ(joined.deadline, Instant{milliseconds(4'000)});
}

TEST_F(CustomMerge, NeverJoinsWhatHangsOnSomethingElse) {
  world_.open();
  const std::vector<media::Lineage> lineages{confirmed(), confirmed()};
  add("a", 10, {});
  add("b", 20, lineages[0]);
  add("c", 21, lineages[0]);
  add("d", 22, lineages[1]);
  add("e", 23, lineages[1]);

  run();

  EXPECT_THAT(world_.tap().texts(), ElementsAre("a", "b+c", "d+e"));
}

}  // namespace
}  // namespace millrace::testing
