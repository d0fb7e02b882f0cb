#include "millrace/graph/detail/settings.hpp"

#include <gmock/gmock.h>

#include "millrace/graph/detail/small_nodes_test.hpp"

namespace millrace::graph::for_test {
namespace {

using node::OverflowPolicy;
using node::Placement;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

/// mic -> vad and gate -> asr -> tts -> out; `extra` of each is put into its node, lines 3 to 8.
struct Extra {
  std::string mic{}, vad{}, gate{}, asr{}, tts{}, out{};
};

std::string call(const Extra& extra) {
  const auto node = [](const char* id, const char* type, const std::string& more) {
    return std::string("  - {id: ") + id + ", type: " + type + (more.empty() ? "" : ", " + more) +
           "}\n";
  };
  return "version: v1\nnodes:\n" +
         node("mic", "audio_input", "params: {rate_hz: 16000}" + std::string(extra.mic)) +
         node("vad", "silero_vad", extra.vad) + node("gate", "speculative_vad_gate", extra.gate) +
         node("asr", "moonshine_asr", extra.asr) + node("tts", "flite_tts", extra.tts) +
         node("out", "audio_output", extra.out) +
         "edges:\n"
         "  - {from: mic, to: vad}\n"
         "  - {from: mic, to: gate}\n"
         "  - {from: vad, to: gate}\n"
         "  - {from: gate, to: asr}\n"
         "  - {from: asr, to: tts}\n"
         "  - {from: tts, to: out}\n";
}

TEST(PlanPlacement, ComesFromTheContractWhereTheManifestIsSilent) {
  const auto plan = good(call({}));

  EXPECT_EQ(plan->find("asr")->placement, Placement::pool);
  EXPECT_EQ(plan->find("tts")->placement, Placement::inline_);
}

TEST(PlanPlacement, ComesFromTheManifest) {
  const auto plan = good(call({.tts = "placement: pool"}));

  EXPECT_EQ(plan->find("tts")->placement, Placement::pool);
}

TEST(PlanPlacement, OfAGateIsInlineOnly) {
  EXPECT_THAT(wrong(call({.gate = "placement: pool"})),
              ElementsAre("t.yaml:5:55: 'gate' (speculative_vad_gate): placement 'pool' is not "
                          "possible: it uses what only the shard may touch; expected inline"));
}

TEST(PlanPlacement, OfASourceOrASinkIsInline) {
  const auto built = [](const std::string& at) {
    return wrong("version: v1\nnodes:\n  - {id: mic, type: audio_input" +
                 std::string(at == "mic" ? ", placement: pool" : "") +
                 "}\n  - {id: out, type: audio_output" +
                 std::string(at == "out" ? ", placement: pool" : "") +
                 "}\nedges:\n  - {from: mic, to: out}\n");
  };

  EXPECT_THAT(built("mic"), ElementsAre(HasSubstr("what comes in and goes out passes the shard")));
  EXPECT_THAT(built("out"), ElementsAre(HasSubstr("what comes in and goes out passes the shard")));
}

TEST(PlanPlacement, OfALongCallIsPoolOnly) {
  EXPECT_THAT(wrong(call({.asr = "placement: inline"})),
              ElementsAre("t.yaml:6:47: 'asr' (moonshine_asr): placement 'inline' is not possible: "
                          "it may run long and would hold up every session; expected pool"));
}

TEST(PlanPlacement, ElsewhereIsNotInThisBuild) {
  EXPECT_THAT(wrong(call({.vad = "placement: remote", .tts = "placement: process"})),
              ElementsAre("t.yaml:4:44: 'vad' (silero_vad): placement 'remote' is not available in "
                          "this build: this version places nodes inline or pool",
                          "t.yaml:7:43: 'tts' (flite_tts): placement 'process' is not available in "
                          "this build: this version places nodes inline or pool"));
}

TEST(PlanCapabilities, ComeFromTheContract) {
  const auto plan = good(call({}));

  const Stage& asr = *plan->find("asr");
  EXPECT_FALSE(asr.capabilities.parallelizable);
  EXPECT_FALSE(asr.capabilities.batch_aware);
  EXPECT_EQ(asr.virtual_cost.first_us, 80'000);
  EXPECT_EQ(asr.virtual_cost.per_unit_us, 1'000);
  EXPECT_FALSE(asr.declared_average);
}

TEST(PlanCapabilities, TheManifestOverridesEach) {
  const auto plan =
      good(call({.asr = "capabilities: {parallelizable: true, batch_aware: true, virtual_cost: "
                        "{first_us: 5, per_unit_us: 6}, avg_processing_us: 900}"}));

  const Stage& asr = *plan->find("asr");
  EXPECT_TRUE(asr.capabilities.parallelizable);
  EXPECT_TRUE(asr.capabilities.batch_aware);
  EXPECT_EQ(asr.virtual_cost.first_us, 5);
  EXPECT_EQ(asr.virtual_cost.per_unit_us, 6);
  EXPECT_EQ(asr.declared_average, std::chrono::microseconds(900));
}

TEST(PlanCommit, SinksHoldWhatIsUnconfirmed) {
  const auto plan = good(call({}));

  EXPECT_TRUE(plan->find("out")->commit);
  EXPECT_FALSE(plan->find("out")->release_speculative);
  EXPECT_FALSE(plan->find("asr")->commit);
}

TEST(PlanCommit, AnyNodeMayAndASinkNeedNot) {
  const auto plan = good(call({.tts = "commit: true", .out = "commit: false"}));

  EXPECT_TRUE(plan->find("tts")->commit);
  EXPECT_FALSE(plan->find("out")->commit);
}

TEST(PlanCommit, ReleaseSpeculativeLetsThrough) {
  const auto plan =
      good(call({.tts = "commit: true, release: speculative", .out = "release: speculative"}));

  EXPECT_TRUE(plan->find("tts")->release_speculative);
  EXPECT_TRUE(plan->find("out")->release_speculative);
}

TEST(PlanCommit, ReleaseWithoutABoundaryIsAMistake) {
  EXPECT_THAT(wrong(call({.tts = "release: committed"})),
              ElementsAre("t.yaml:7:41: 'tts' (flite_tts): 'release' acts only at a commit "
                          "boundary: expected a sink, or commit: true beside it"));
}

TEST(PlanQueue, ComesFromTheContractOfTheReceiver) {
  const auto plan = good(call({}));

  const QueueConfig& asr = edge(*plan, "gate.speculative_audio>asr.audio").queue;
  EXPECT_EQ(asr.capacity, 50U);
  EXPECT_EQ(asr.policy, OverflowPolicy::block);
  EXPECT_EQ(asr.max_bytes, 1U << 20);
  EXPECT_EQ(asr.max_age, std::nullopt);
  EXPECT_EQ(edge(*plan, "asr.text>tts.text").queue.policy, OverflowPolicy::merge_on_overflow);
  EXPECT_EQ(edge(*plan, "asr.text>tts.text").queue.capacity, 20U);
}

TEST(PlanQueue, AppliesToEveryEdgeIntoItsNode) {
  const auto plan = good(call(
      {.gate = "queue: {capacity: 7, max_bytes: 5000, policy: latest_only, max_age_ms: 200}"}));

  for (const auto* name : {"mic.audio>gate.audio", "vad.vad>gate.vad"}) {
    const QueueConfig& queue = edge(*plan, name).queue;
    EXPECT_EQ(queue.capacity, 7U) << name;
    EXPECT_EQ(queue.max_bytes, 5000U) << name;
    EXPECT_EQ(queue.policy, OverflowPolicy::latest_only) << name;
    EXPECT_EQ(queue.max_age, base::MediaTime{200'000}) << name;
  }
}

TEST(PlanQueue, TakesEveryPolicy) {
  const auto policy = [](const char* word) {
    const auto plan = good(call({.asr = std::string("queue: {policy: ") + word + "}"}));
    return edge(*plan, "gate.speculative_audio>asr.audio").queue.policy;
  };

  EXPECT_EQ(policy("drop_oldest"), OverflowPolicy::drop_oldest);
  EXPECT_EQ(policy("drop_newest"), OverflowPolicy::drop_newest);
  EXPECT_EQ(policy("block"), OverflowPolicy::block);
  EXPECT_EQ(policy("merge_on_overflow"), OverflowPolicy::merge_on_overflow);
  EXPECT_EQ(policy("latest_only"), OverflowPolicy::latest_only);
}

TEST(PlanQueue, MergesOnlyTextAndAudio) {
  EXPECT_THAT(wrong(call({.gate = "queue: {policy: merge_on_overflow}"})),
              ElementsAre("t.yaml:5:60: 'gate' (speculative_vad_gate): policy merge_on_overflow "
                          "joins text or audio, but input 'vad' takes tensor"));
}

TEST(PlanQueue, WithBlockHasRoomForOneCallOfTheProducer) {
  EXPECT_THAT(wrong(call({.asr = "queue: {capacity: 7}"})),
              ElementsAre("t.yaml:6:54: 'asr' (moonshine_asr): queue capacity 7 with policy block "
                          "never has room for what one call of 'gate' can give: expected 8 or "
                          "more"));
  EXPECT_EQ(edge(*good(call({.asr = "queue: {capacity: 8}"})), "gate.speculative_audio>asr.audio")
                .queue.capacity,
            8U);
}

TEST(PlanQueue, WithADropPolicyMayHoldOnePacket) {
  const auto plan = good(call({.asr = "queue: {capacity: 1, policy: drop_oldest}"}));

  EXPECT_EQ(edge(*plan, "gate.speculative_audio>asr.audio").queue.capacity, 1U);
}

TEST(PlanQueue, OfAFeedbackEdgeDropsItsOldestWhateverIsSaid) {
  const auto plan = good(
      "version: v1\n"
      "nodes:\n"
      "  - {id: mic, type: audio_input, params: {rate_hz: 16000}}\n"
      "  - {id: gate, type: speculative_vad_gate, queue: {policy: block, capacity: 30}}\n"
      "  - {id: vad, type: silero_vad}\n"
      "  - {id: out, type: audio_output}\n"
      "edges:\n"
      "  - {from: mic, to: gate}\n"
      "  - {from: gate.for_confirmation, to: vad}\n"
      "  - {from: vad, to: gate.vad}\n"
      "  - {from: gate, to: out}\n");

  EXPECT_EQ(edge(*plan, "vad.vad>gate.vad").queue.policy, OverflowPolicy::drop_oldest);
  EXPECT_EQ(edge(*plan, "vad.vad>gate.vad").queue.capacity, 30U);
  EXPECT_EQ(edge(*plan, "mic.audio>gate.audio").queue.policy, OverflowPolicy::block);
}

TEST(PlanNotes, SayWhatIsNotAppliedYet) {
  const auto plan =
      good(call({.mic = ", queue: {capacity: 5}", .tts = "deadline: {budget_ms: 150}"}));

  EXPECT_THAT(plan->notes,
              ElementsAre("mic: queue is not applied: no edge leads into a source",
                          "tts: deadline is not applied: it acts at a buffered_processor",
                          "gate: nothing takes its output for_confirmation"));
}

TEST(PlanNotes, AreSilentWhereAllIsApplied) {
  const auto plan = good(
      "version: v1\n"
      "nodes: [{id: mic, type: audio_input}, {id: out, type: audio_output}]\n"
      "edges: [{from: mic, to: out}]\n");

  EXPECT_THAT(plan->notes, ElementsAre());
}

TEST(PlanSettings, AreCheckedBesideOtherMistakes) {
  const auto messages = wrong(call({.vad = "params: {wrong: 1}", .gate = "placement: pool"}));

  EXPECT_EQ(messages.size(), 2U);
}

}  // namespace
}  // namespace millrace::graph::for_test
