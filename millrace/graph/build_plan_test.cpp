#include <gmock/gmock.h>

#include "millrace/graph/detail/small_nodes_test.hpp"
#include "millrace/graph/plan.hpp"

namespace millrace::graph::for_test {
namespace {

using node::OverflowPolicy;
using node::Placement;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// The example of the manifest's reference, word for word.
constexpr std::string_view kVoiceReply = R"(version: v1
metadata: {name: voice-reply}
nodes:
  - {id: mic, type: audio_input, params: {frame_ms: 20}}
  - {id: resample, type: audio_resample, params: {rate_hz: 16000, quality: low}}
  - {id: vad, type: silero_vad}
  - id: gate
    type: speculative_vad_gate      # `node_type: SpeculativeVADGate` is accepted as an alias
    params: {lookback_ms: 150, lookahead_ms: 50, min_speech_ms: 250, min_silence_ms: 100, pad_ms: 30, threshold: 0.5, negative_threshold: 0.35, turn: balanced}
    queue: {capacity: 100, max_bytes: 1048576, policy: drop_oldest, max_age_ms: 200}
  - {id: asr, type: moonshine_asr, placement: pool}        # placement: inline | pool | process | remote
  - {id: reply, type: reply, params: {rules: [{when: "hours", say: "We are open from nine to five."}], default: "I heard: {text}"}}
  - id: tts
    type: flite_tts
    placement: pool
    capabilities: {parallelizable: false, batch_aware: true}
    buffering: {mode: greedy, min_batch_size: 3, max_wait_ms: 100, max_buffer_size: 50, merge_strategy: {concatenate_text: {separator: " "}}}
    deadline: {budget_ms: 150, give_up: [flush_batch, smaller_first_chunk, lower_quality, skip_optional, drop]}
  - {id: speaker, type: audio_output, release: committed}
edges:
  - {from: mic, to: resample}
  - {from: resample, to: vad}
  - {from: resample, to: gate.audio}
  - {from: vad, to: gate.vad}
  - {from: gate.speculative_audio, to: asr}
  - {from: asr, to: reply}
  - {from: reply, to: tts}
  - {from: tts, to: speaker}
speculation: {max_speculative_turns_per_minute: 12, max_wasted_ms_per_minute: 3000}
executor: {max_sessions: 1000, shards: 1, pool_threads: 2, tick_us: 1000, seed: 7, metrics: true, metrics_port: 9090}
)";

TEST(BuildPlan, OrdersTheReferenceExample) {
  const auto plan = good(kVoiceReply);

  EXPECT_EQ(plan->name, "voice-reply");
  EXPECT_THAT(ids(*plan),
              ElementsAre("mic", "resample", "vad", "gate", "asr", "reply", "tts", "speaker"));
  EXPECT_THAT(plan->sources, ElementsAre(0));
  EXPECT_THAT(plan->sinks, ElementsAre(7));
  EXPECT_EQ(plan->edges.size(), 8U);
}

TEST(BuildPlan, TakesTheReferenceExampleAtItsWord) {
  const auto plan = good(kVoiceReply);

  EXPECT_EQ(plan->find("gate")->params.number("negative_threshold"), 0.35);
  EXPECT_EQ(plan->find("gate")->params.milliseconds("lookback_ms"), base::MediaTime{150'000});
  EXPECT_EQ(plan->find("reply")->params.text("rules"),
            R"([{"say":"We are open from nine to five.","when":"hours"}])");
  EXPECT_EQ(plan->find("tts")->placement, Placement::pool);
  EXPECT_TRUE(plan->find("speaker")->commit);
  EXPECT_EQ(plan->speculation.max_speculative_turns_per_minute, 12);
  EXPECT_EQ(plan->executor.pool_threads, 2);
  EXPECT_EQ(plan->executor.seed, 7);
}

TEST(BuildPlan, GivesTheReferenceExampleItsQueues) {
  const auto plan = good(kVoiceReply);

  const QueueConfig& gate = edge(*plan, "vad.vad>gate.vad").queue;
  EXPECT_EQ(gate.capacity, 100U);
  EXPECT_EQ(gate.policy, OverflowPolicy::drop_oldest);
  EXPECT_EQ(gate.max_age, base::MediaTime{200'000});
  EXPECT_EQ(edge(*plan, "asr.text>reply.text").queue.policy, OverflowPolicy::block);
  EXPECT_EQ(edge(*plan, "tts.audio>speaker.audio").queue.capacity, 100U);
}

TEST(BuildPlan, GivesTheReferenceExampleItsBudgetAndNotes) {
  const auto plan = good(kVoiceReply);

  EXPECT_EQ(plan->path_latency, base::MediaTime{34'000});
  EXPECT_THAT(plan->slowest_path,
              ElementsAre("mic", "resample", "vad", "gate", "asr", "reply", "tts", "speaker"));
  EXPECT_THAT(plan->notes,
              ElementsAre("tts: behind a buffered_processor (greedy, concatenate_text, at most 50 "
                          "inputs waiting): the manifest says so",
                          "tts: deadline: flite_tts cannot give up lower_quality",
                          "gate: nothing takes its output for_confirmation"));
}

std::string mixing(std::string_view params, std::string_view more) {
  return "version: v1\nnodes:\n"
         "  - {id: mic, type: audio_input, params: {rate_hz: 16000}}\n"
         "  - {id: vad, type: silero_vad}\n"
         "  - {id: mix, type: mix, params: {" +
         std::string(params) +
         "}}\n"
         "  - {id: out, type: audio_output}\n"
         "edges:\n"
         "  - {from: mic, to: vad}\n"
         "  - {from: mic, to: mix.a}\n"
         "  - {from: mix.audio, to: out}\n" +
         std::string(more);
}

TEST(BuildPlan, NotesAParameterWithoutThePortItNeeds) {
  EXPECT_THAT(
      good(mixing("leveled: true", ""))->notes,
      ElementsAre("vad: nothing takes its output vad", "mix: nothing takes its output loudness",
                  "mix: leveled has no effect: nothing reaches input level"));
  EXPECT_THAT(good(mixing("leveled: false", ""))->notes,
              ElementsAre("vad: nothing takes its output vad"));
}

TEST(BuildPlan, NotesNothingAboutParametersThatAreMistaken) {
  EXPECT_THAT(wrong(mixing("levelled: true", "")), ElementsAre(HasSubstr("levelled")));
}

TEST(BuildPlan, NotesAConnectedPortWhoseParameterIsOff) {
  EXPECT_THAT(good(mixing("leveled: false", "  - {from: vad, to: mix.level}\n"))->notes,
              ElementsAre("mix: input level is not used while leveled is false"));
  EXPECT_THAT(good(mixing("leveled: true", "  - {from: vad, to: mix.level}\n"))->notes,
              ElementsAre("mix: nothing takes its output loudness"));
}

TEST(BuildPlan, AVadBeforeTheGateIsNoFeedback) {
  const auto plan = good(kVoiceReply);

  EXPECT_FALSE(edge(*plan, "vad.vad>gate.vad").feedback);
  EXPECT_THAT(plan->find("resample")->downstream, ElementsAre(2, 3, 4, 5, 6, 7));
  EXPECT_THAT(plan->find("speaker")->downstream, ElementsAre());
}

TEST(BuildPlan, AVadBehindTheGateIsFeedback) {
  const auto plan = good(
      "version: v1\n"
      "nodes:\n"
      "  - {id: vad, type: silero_vad}\n"
      "  - {id: gate, type: speculative_vad_gate}\n"
      "  - {id: out, type: audio_output}\n"
      "  - {id: mic, type: audio_input, params: {rate_hz: 16000}}\n"
      "edges:\n"
      "  - {from: vad, to: gate}\n"
      "  - {from: gate.for_confirmation, to: vad}\n"
      "  - {from: gate, to: out}\n"
      "  - {from: mic, to: gate}\n");

  EXPECT_THAT(ids(*plan), ElementsAre("mic", "gate", "vad", "out"));
  EXPECT_TRUE(edge(*plan, "vad.vad>gate.vad").feedback);
  EXPECT_FALSE(edge(*plan, "gate.for_confirmation>vad.audio").feedback);
  EXPECT_THAT(plan->find("vad")->downstream, ElementsAre());
  EXPECT_THAT(plan->find("gate")->downstream, ElementsAre(2, 3));
}

TEST(BuildPlan, KeepsTheOrderWrittenWhereTheGraphLeavesAChoice) {
  const auto plan = good(
      "version: v1\n"
      "nodes:\n"
      "  - {id: z, type: audio_output}\n"
      "  - {id: c, type: delay}\n"
      "  - {id: a, type: delay}\n"
      "  - {id: b, type: delay}\n"
      "  - {id: mic, type: audio_input}\n"
      "edges:\n"
      "  - {from: mic, to: b}\n"
      "  - {from: mic, to: a}\n"
      "  - {from: mic, to: c}\n"
      "  - {from: a, to: z}\n"
      "  - {from: b, to: z}\n"
      "  - {from: c, to: z}\n");

  EXPECT_THAT(ids(*plan), ElementsAre("mic", "c", "a", "b", "z"));
}

TEST(BuildPlan, NumbersStagesAndEdgesConsistently) {
  const auto plan = good(kVoiceReply);

  for (std::uint32_t i = 0; i < plan->stages.size(); ++i) {
    const Stage& stage = plan->stages[i];
    EXPECT_EQ(stage.index, i);
    EXPECT_EQ(plan->find(stage.id), &stage);
    for (const std::uint32_t in : stage.in_edges) EXPECT_EQ(plan->edges[in].to, i);
    for (const std::uint32_t out : stage.out_edges) EXPECT_EQ(plan->edges[out].from, i);
  }
  EXPECT_EQ(plan->find("nobody"), nullptr);
}

TEST(BuildPlan, NamesACycle) {
  EXPECT_THAT(wrong("version: v1\n"
                    "nodes:\n"
                    "  - {id: mic, type: audio_input}\n"
                    "  - {id: a, type: delay}\n"
                    "  - {id: b, type: delay}\n"
                    "  - {id: out, type: audio_output}\n"
                    "edges:\n"
                    "  - {from: mic, to: a}\n"
                    "  - {from: a, to: b}\n"
                    "  - {from: b, to: a}\n"
                    "  - {from: b, to: out}\n"),
              ElementsAre("t.yaml:10:5: cycle a -> b -> a: only an edge into a feedback input may "
                          "close one"));
}

TEST(BuildPlan, NamesEveryCycle) {
  EXPECT_THAT(wrong("version: v1\n"
                    "nodes:\n"
                    "  - {id: mic, type: audio_input}\n"
                    "  - {id: a, type: delay}\n"
                    "  - {id: b, type: delay}\n"
                    "  - {id: c, type: delay}\n"
                    "  - {id: out, type: audio_output}\n"
                    "edges:\n"
                    "  - {from: mic, to: a}\n"
                    "  - {from: a, to: b}\n"
                    "  - {from: b, to: a}\n"
                    "  - {from: b, to: c}\n"
                    "  - {from: c, to: b}\n"
                    "  - {from: c, to: out}\n"),
              ElementsAre("t.yaml:11:5: cycle a -> b -> a: only an edge into a feedback input may "
                          "close one",
                          "t.yaml:13:5: cycle b -> c -> b: only an edge into a feedback input may "
                          "close one"));
}

std::string straight(std::string_view type) {
  return "version: v1\n"
         "nodes:\n"
         "  - {id: mic, type: audio_input, params: {rate_hz: 16000}}\n"
         "  - {id: x, type: " +
         std::string(type) +
         "}\n"
         "  - {id: out, type: text_output}\n"
         "edges: [{from: mic, to: x}, {from: x, to: out}]\n";
}

TEST(BuildPlan, FindsTypesByAliasAndForeignSpelling) {
  EXPECT_EQ(good(straight("asr"))->find("x")->contract().type, "moonshine_asr");
  EXPECT_EQ(good(straight("MoonshineASR"))->find("x")->contract().type, "moonshine_asr");
}

TEST(BuildPlan, SuggestsTheNearestType) {
  EXPECT_THAT(wrong(straight("moonshin_asr")),
              ElementsAre("t.yaml:4:19: unknown node type 'moonshin_asr' (did you mean "
                          "'moonshine_asr'?)"));
}

TEST(BuildPlan, ListsTheTypesWhenNoneIsNear) {
  EXPECT_THAT(wrong(straight("translator")),
              ElementsAre("t.yaml:4:19: unknown node type 'translator': expected one of "
                          "audio_input, audio_resample, silero_vad, speculative_vad_gate, "
                          "moonshine_asr, asr, reply, flite_tts, tts, audio_output, text_output, "
                          "delay, mix, tuned, refusing, idle"));
}

TEST(BuildPlan, ReportsMistakesOfEverySortTogether) {
  EXPECT_THAT(wrong("version: v1\n"
                    "nodes:\n"
                    "  - {id: mic, type: audio_input, params: {frame: 20}}\n"
                    "  - {id: x, type: unheard_of_thing}\n"
                    "  - {id: gate, type: speculative_vad_gate, placement: pool}\n"
                    "  - {id: out, type: audio_output}\n"
                    "edges:\n"
                    "  - {from: mic, to: x}\n"
                    "  - {from: mic.sound, to: out}\n"),
              ElementsAre(::testing::StartsWith("t.yaml:3:43: 'mic' (audio_input) has no parameter "
                                                "'frame' (did you mean 'frame_ms'?)"),
                          ::testing::StartsWith("t.yaml:4:19: unknown node type"),
                          ::testing::StartsWith("t.yaml:5:5: 'gate' (speculative_vad_gate): its "
                                                "input 'audio' is not connected"),
                          ::testing::StartsWith("t.yaml:5:5: 'gate' (speculative_vad_gate): its "
                                                "input 'vad' is not connected"),
                          ::testing::StartsWith("t.yaml:5:55: 'gate' (speculative_vad_gate): "
                                                "placement 'pool'"),
                          ::testing::StartsWith("t.yaml:9:12: 'mic' (audio_input) has no output "
                                                "'sound'")));
}

TEST(BuildPlan, GivesTheSamePlanEveryTime) {
  const auto one = good(kVoiceReply);
  const auto other = good(kVoiceReply);

  EXPECT_EQ(ids(*one), ids(*other));
  EXPECT_EQ(one->notes, other->notes);
  for (std::size_t i = 0; i < one->edges.size(); ++i) {
    EXPECT_EQ(one->edges[i].from, other->edges[i].from);
    EXPECT_EQ(one->edges[i].to, other->edges[i].to);
  }
}

}  // namespace
}  // namespace millrace::graph::for_test
