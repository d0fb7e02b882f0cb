#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "millrace/testing/virtual_world.hpp"
#include "tests/batching/tap_figures.hpp"

// Where batching is at its edge: queues that are full, audio that does not fit together, inputs
// that are withdrawn, nodes that fail.
namespace millrace::testing {
namespace {

using base::Instant;
using engine::EventType;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// text -> slow (100 ms a call, one at a time) -> out; `more` goes into the slow node.
std::string slow(const std::string& type, const std::string& more) {
  return "version: v1\n"
         "nodes:\n"
         "  - {id: mic, type: text_source}\n"
         "  - {id: slow, type: " +
         type + ", " + more +
         ", capabilities: {parallelizable: false, batch_aware: true, virtual_cost: {first_us: "
         "100000, per_unit_us: 10000}}}\n"
         "  - {id: out, type: text_sink}\n"
         "edges:\n"
         "  - {from: mic, to: slow}\n"
         "  - {from: slow, to: out}\n";
}

std::string joining(const std::string& strategy) {
  return "buffering: {mode: greedy, merge_strategy: " + strategy + "}";
}

void say(VirtualWorld& world, const std::string& text, int ms) {
  world.feed().add_text(world.stage("mic"), text, at(ms));
}

void run(VirtualWorld& world) {
  world.feed().end(world.stage("mic"));
  world.run();
  EXPECT_THAT(world.broken(), IsEmpty());
}

const metrics::NodeStats& stats(VirtualWorld& world, const char* stage = "slow") {
  return world.runner().shard().stats(world.stage(stage));
}

// Numbers of a fixed batch -----------------------------------------------------------------------

TEST(BatchingEdges, InputsSlowerThanTheNumberOfABatchLeaveWhenTheirTimeIsUp) {
  VirtualWorld world(slow("pool_text",
                          "buffering: {mode: fixed, min_batch_size: 4, max_wait_ms: 50, "
                          "max_buffer_size: 10, merge_strategy: concatenate_text}"));
  world.open();
  for (int i = 0; i < 4; ++i) say(world, std::to_string(i), 10 + 300 * i);

  run(world);

  EXPECT_THAT(world.tap().texts(), ElementsAre("0", "1", "2", "3"));
  std::vector<std::int64_t> left;
  for (const engine::Event& event : world.tap().events)
    if (event.type == EventType::output)
      left.push_back(std::chrono::duration_cast<milliseconds>(event.wall.since_start).count());
  EXPECT_THAT(left, ElementsAre(160, 460, 760, 1'060));
}

// A full buffer, and the queue in front of it ----------------------------------------------------

/// One call runs, two inputs wait in the wrapper, and the queue in front of it holds four.
std::string crowded(const std::string& policy, const std::string& strategy) {
  return slow("pool_text",
              "buffering: {mode: fixed, min_batch_size: 1, max_wait_ms: 1000, "
              "max_buffer_size: 2, merge_strategy: " +
                  strategy + "}, queue: {policy: " + policy + ", capacity: 4}");
}

std::vector<std::string> crowd(VirtualWorld& world) {
  world.open();
  for (int i = 0; i < 10; ++i) say(world, std::string(1, static_cast<char>('a' + i)), 10 + i);
  run(world);
  return world.tap().texts();
}

TEST(BatchingEdges, AFullBufferHoldsUpAQueueThatBlocks) {
  VirtualWorld world(crowded("block", "keep_separate"));

  EXPECT_THAT(crowd(world), ElementsAre("a", "b", "c", "d", "e", "f", "g", "h", "i", "j"));
  EXPECT_EQ(stats(world).dropped(), 0U);
}

TEST(BatchingEdges, AFullBufferMakesAQueueDropItsOldest) {
  VirtualWorld world(crowded("drop_oldest", "keep_separate"));

  EXPECT_THAT(crowd(world), ElementsAre("a", "b", "c", "g", "h", "i", "j"));
  EXPECT_EQ(drops(world.tap(), base::DropReason::overflow), 3U);
}

TEST(BatchingEdges, AFullQueueMergesByTheStrategyOfTheNodeAndCountsIt) {
  VirtualWorld world(crowded("merge_on_overflow", "{concatenate_text: {separator: '/'}}"));

  EXPECT_THAT(crowd(world), ElementsAre("a", "b/c", "d/e", "f/g/h/i/j"));
  EXPECT_EQ(world.queue("mic", "slow").counters().merged, 3U);
  EXPECT_EQ(stats(world).merged(), 3U);
  EXPECT_EQ(stats(world).dropped(), 0U);
}

TEST(BatchingEdges, AFullQueueMergesNothingThatTheNodeKeepsSeparate) {
  VirtualWorld world(crowded("merge_on_overflow", "keep_separate"));

  EXPECT_THAT(crowd(world), ElementsAre("a", "b", "c", "g", "h", "i", "j"));
  EXPECT_EQ(stats(world).merged(), 0U);
  EXPECT_EQ(drops(world.tap(), base::DropReason::overflow), 3U);
}

TEST(BatchingEdges, AFullQueueLeavesACustomMergeToTheWorker) {
  VirtualWorld world(crowded("merge_on_overflow", "{custom: {name: plus}}"));

  EXPECT_THAT(crowd(world), ElementsAre("a", "b+c", "g+h", "i+j"));
  EXPECT_EQ(stats(world).merged(), 0U);
}

// Audio that does not fit together ---------------------------------------------------------------

constexpr const char* kAudio = R"(
version: v1
nodes:
  - {id: mic, type: source}
  - {id: slow, type: pool_pass, buffering: {mode: greedy, merge_strategy: {concatenate_audio: {max_gap_ms: 20}}}, queue: {policy: block}, capabilities: {parallelizable: false, batch_aware: true, virtual_cost: {first_us: 100000, per_unit_us: 10000}}}
  - {id: out, type: sink}
edges:
  - {from: mic, to: slow}
  - {from: slow, to: out}
)";

struct Sound {
  int from_ms = 0;
  std::int32_t rate_hz = 16'000;
  std::int16_t channels = 1;
};

/// The frames of each packet that left: 10 ms went in as each of `sounds`, all but the first while
/// the node was busy.
std::vector<std::uint32_t> packets_of(VirtualWorld& world, const std::vector<Sound>& sounds) {
  world.open();
  int ms = 10;
  for (const Sound& sound : sounds) {
    media::Packet packet;
    packet.rate_hz = sound.rate_hz;
    packet.channels = sound.channels;
    packet.frames = static_cast<std::uint32_t>(sound.rate_hz / 100);
    packet.from = milliseconds(sound.from_ms);
    packet.to = milliseconds(sound.from_ms + 10);
    packet.payload = rt::Payload::heap(std::size_t{packet.frames} *
                                       static_cast<std::size_t>(sound.channels) * sizeof(float));
    std::ranges::fill(packet.payload.writable_as<float>(), 0.5F);
    world.feed().add(at(ms), world.stage("mic"), std::move(packet));
    ms += 5;
  }
  run(world);
  std::vector<std::uint32_t> frames;
  for (const engine::OutputPacket& output : world.tap().outputs)
    frames.push_back(output.packet.frames);
  return frames;
}

TEST(BatchingEdges, AudioThatFitsTogetherIsJoinedOverASmallGap) {
  VirtualWorld world(kAudio);

  EXPECT_THAT(packets_of(world, {{0}, {10}, {20}, {50}}), ElementsAre(160U, 160U * 5));
  EXPECT_EQ(stats(world).kept_separate(), 0U);
}

TEST(BatchingEdges, AudioOfAnotherRateIsKeptSeparateAndCounted) {
  VirtualWorld world(kAudio);

  EXPECT_THAT(packets_of(world, {{0}, {10}, {20, 8'000}, {30, 8'000}}),
              ElementsAre(160U, 160U, 160U));
  EXPECT_EQ(stats(world).kept_separate(), 1U);
}

TEST(BatchingEdges, AudioOfMoreChannelsIsKeptSeparateAndCounted) {
  VirtualWorld world(kAudio);

  EXPECT_THAT(packets_of(world, {{0}, {10}, {20, 16'000, 2}, {30}}),
              ElementsAre(160U, 160U, 160U, 160U));
  EXPECT_EQ(stats(world).kept_separate(), 2U);
}

TEST(BatchingEdges, AudioBehindALongGapIsKeptSeparateCountedAndToldInTheBatchEvent) {
  VirtualWorld world(kAudio);

  EXPECT_THAT(packets_of(world, {{0}, {10}, {41}, {51}}), ElementsAre(160U, 160U, 320U));
  EXPECT_EQ(stats(world).kept_separate(), 1U);
  std::uint64_t told = 0;
  for (const engine::Event& event : world.tap().events) told += event.kept_separate;
  EXPECT_EQ(told, 1U);
}

// Inputs that are withdrawn ----------------------------------------------------------------------

/// "x" runs from 10 to 110 ms, and "0", "1" and "2", which hang on a segment each, gather
/// meanwhile with "y"; their call runs from 110 to 240 ms, and "z" comes during it. The segment of
/// one of them is withdrawn. What is said, whatever it was joined with. (Where inputs are joined, a
/// call takes what hangs on the same, so "y" and "z" come together.)
std::string without(std::size_t which, int when_ms, const std::string& strategy) {
  VirtualWorld world(slow("pool_text", joining(strategy)));
  world.open();
  policy::SpeculationLedger& ledger = world.session().shared->ledger;
  say(world, "x", 10);
  std::array<base::SegmentId, 3> segments;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    segments[i] = ledger.open(policy::SegmentKind::onset);
    media::Packet packet;
    packet.kind = media::PacketKind::text;
    packet.lineage.add(segments[i]);
    packet.payload = rt::Payload::copy_of(std::as_bytes(std::span<const char>(std::to_string(i))));
    world.feed().add(at(20 + static_cast<int>(i)), world.stage("mic"), std::move(packet));
  }
  say(world, "y", 50);
  say(world, "z", 150);
  world.feed().end(world.stage("mic"));
  world.runner().run([&] { return world.runner().clock().now() >= at(when_ms); });
  for (std::size_t i = 0; i < segments.size(); ++i) {
    media::Control control;
    control.type = i == which ? media::ControlType::cancel_speculation
                              : media::ControlType::confirm_speculation;
    control.segment = segments[i];
    EXPECT_TRUE(world.runner().control({.session = world.session().number, .control = control}));
  }
  world.run();
  EXPECT_THAT(world.broken(), IsEmpty());
  std::string all;
  for (const std::string& text : world.tap().texts()) all += text;
  std::erase_if(all, [](char c) { return c == ' ' || c == '+'; });
  return all;
}

TEST(BatchingEdges, OneInputIsWithdrawnFromABatchAndTheOthersAreSaid) {
  for (const char* strategy : {"keep_separate", "concatenate_text", "{custom: {name: plus}}"}) {
    for (const int when_ms : {50, 150, 220, 245}) {
      for (std::size_t which = 0; which < 3; ++which) {
        std::string expected = "x012yz";
        expected.erase(1 + which, 1);

        EXPECT_EQ(without(which, when_ms, strategy), expected)
            << strategy << ", " << which << " at " << when_ms;
      }
    }
  }
}

TEST(BatchingEdges, TheNodeIsNotAskedForAnInputThatIsWithdrawnBeforeItsCall) {
  VirtualWorld world(slow("picky", joining("keep_separate")));
  world.open();
  policy::SpeculationLedger& ledger = world.session().shared->ledger;
  const base::SegmentId segment = ledger.open(policy::SegmentKind::onset);
  say(world, "x", 10);
  media::Packet packet;
  packet.kind = media::PacketKind::text;
  packet.lineage.add(segment);
  packet.payload = rt::Payload::copy_of(std::as_bytes(std::span<const char>("fail", 4)));
  world.feed().add(at(20), world.stage("mic"), std::move(packet));
  say(world, "y", 50);
  world.feed().end(world.stage("mic"));
  world.runner().run([&] { return world.runner().clock().now() >= at(50); });
  ledger.cancel(segment);
  world.run();

  EXPECT_THAT(world.broken(), IsEmpty());
  EXPECT_THAT(world.tap().texts(), ElementsAre("x", "y"));
  EXPECT_EQ(world.tap().count(EventType::failed), 0U);
  EXPECT_EQ(drops(world.tap(), base::DropReason::cancelled), 1U);
}

// Nodes that fail --------------------------------------------------------------------------------

TEST(BatchingEdges, ANodeThatFailsForOneItemSaysTheOthersOfItsCall) {
  VirtualWorld world(slow("picky", joining("keep_separate")));
  world.open();
  say(world, "x", 10);
  for (const char* text : {"a", "fail", "c"}) say(world, text, 20);

  run(world);

  EXPECT_THAT(world.tap().texts(), ElementsAre("x", "a", "c"));
  EXPECT_EQ(world.tap().count(EventType::failed), 1U);
}

TEST(BatchingEdges, ANodeThatFailsForAWholeBatchIsAskedForTheNextOne) {
  VirtualWorld world(slow("picky", joining("concatenate_text")));
  world.open();
  say(world, "x", 10);
  for (const char* text : {"a", "fail", "c"}) say(world, text, 20);
  say(world, "next", 400);

  run(world);

  EXPECT_THAT(world.tap().texts(), ElementsAre("x", "next"));
  EXPECT_EQ(world.tap().count(EventType::failed), 1U);
}

// Timers in front of a full queue ----------------------------------------------------------------

/// Says texts that begin with "!" at once, and holds the others until 10 ms have passed since the
/// first of them, at most four.
class Window final : public node::SessionNode {
 public:
  void process(media::Packet& packet, node::Context& context) noexcept override {
    if (packet.text().starts_with("!")) return context.emit(0, std::move(packet));
    held_.push_back(std::move(packet));
    if (held_.size() == 1) context.set_timer(context.now() + milliseconds(10));
  }
  void on_timer(node::Context& context) noexcept override {
    for (media::Packet& packet : held_) context.emit(0, std::move(packet));
    held_.clear();
  }

 private:
  std::vector<media::Packet> held_;
};

class WindowStage final : public node::StageNode {
 public:
  base::Result<std::unique_ptr<node::SessionNode>> open_session(const node::SessionInfo&) override {
    return std::make_unique<Window>();
  }
  [[nodiscard]] node::Format output_format(std::size_t) const override {
    return {.kind = media::PacketKind::text};
  }
};

constexpr std::array<node::PortDecl, 1> kText{
    {{.name = "text", .kind = media::PacketKind::text, .summary = "text"}}};
constexpr node::Contract kWindow{
    .type = "window", .summary = "for tests", .inputs = kText, .outputs = kText, .max_outputs = 4};

// shared: as plans are by the engine
std::shared_ptr<const graph::Plan> windowed(const std::string& policy) {
  static const node::Registry registry = [] {
    node::Registry made;
    add_test_nodes(made);
    made.add(
        {&kWindow, [](const node::StageConfig&) -> base::Result<std::unique_ptr<node::StageNode>> {
           return std::make_unique<WindowStage>();
         }});
    return made;
  }();
  return test_plan(
      "version: v1\n"
      "nodes:\n"
      "  - {id: mic, type: text_source}\n"
      "  - {id: window, type: window}\n"
      "  - {id: slow, type: pool_text, queue: {policy: " +
          policy +
          ", capacity: 4}, capabilities: {virtual_cost: {first_us: 100000}}}\n"
          "  - {id: out, type: text_sink}\n"
          "edges:\n"
          "  - {from: mic, to: window}\n"
          "  - {from: window, to: slow}\n"
          "  - {from: slow, to: out}\n",
      registry);
}

/// "!a" keeps `slow` busy until 110 ms, "!b" waits in its queue of four, and at 30 ms the window
/// of four texts ends, for which there is no room.
void say_a_window(VirtualWorld& world) {
  world.open();
  say(world, "!a", 10);
  for (const char* text : {"c", "d", "e", "f"}) say(world, text, 20);
  say(world, "!b", 25);
  say(world, "!z", 200);
  run(world);
}

TEST(BatchingEdges, ATimerWaitsForRoomInFrontOfAQueueThatBlocks) {
  VirtualWorld world(windowed("block"), 1);

  say_a_window(world);

  EXPECT_THAT(world.tap().texts(), ElementsAre("!a", "!b", "c", "d", "e", "f", "!z"));
  EXPECT_EQ(stats(world).dropped(), 0U);
  EXPECT_LT(world.runner().shard().counters().sweeps, 100U) << "it does not wait by asking again";
}

TEST(BatchingEdges, ATimerWaitsForNoRoomInFrontOfAQueueThatDrops) {
  VirtualWorld world(windowed("drop_oldest"), 1);

  say_a_window(world);

  EXPECT_THAT(world.tap().texts(), ElementsAre("!a", "c", "d", "e", "f", "!z"));
  EXPECT_EQ(drops(world.tap(), base::DropReason::overflow), 1U);
}

}  // namespace
}  // namespace millrace::testing
