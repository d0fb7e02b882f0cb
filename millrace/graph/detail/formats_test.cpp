#include "millrace/graph/detail/formats.hpp"

#include <gmock/gmock.h>

#include "millrace/graph/detail/small_nodes_test.hpp"

namespace millrace::graph::for_test {
namespace {

using ::testing::ElementsAre;

std::string graph(std::string_view nodes, std::string_view edges) {
  return "version: v1\nnodes:\n" + std::string(nodes) + "edges:\n" + std::string(edges);
}

/// mic (line 3, with `params`) straight into a VAD and a gate.
std::string into_vad(std::string_view params) {
  return graph("  - {id: mic, type: audio_input, params: {" + std::string(params) +
                   "}}\n"
                   "  - {id: vad, type: silero_vad}\n"
                   "  - {id: gate, type: speculative_vad_gate}\n"
                   "  - {id: out, type: audio_output}\n",
               "  - {from: mic, to: vad}\n"
               "  - {from: mic, to: gate}\n"
               "  - {from: vad, to: gate}\n"
               "  - {from: gate, to: out}\n");
}

TEST(PlanFormats, FlowFromStageToStage) {
  const auto plan = good(into_vad("rate_hz: 16000, channels: 1"));

  const Stage& gate = *plan->find("gate");
  ASSERT_EQ(gate.input_formats.size(), 2U);
  EXPECT_EQ(gate.input_formats[0].kind, media::PacketKind::audio);
  EXPECT_EQ(gate.input_formats[0].rate_hz, 16000);
  EXPECT_EQ(gate.input_formats[0].channels, 1);
  EXPECT_EQ(gate.input_formats[1].kind, media::PacketKind::tensor);
  EXPECT_EQ(edge(*plan, "gate.speculative_audio>out.audio").format.rate_hz, 16000);
  EXPECT_EQ(edge(*plan, "vad.vad>gate.vad").format.kind, media::PacketKind::tensor);
}

TEST(PlanFormats, ReachTheNodeThroughItsConfig) {
  const auto plan = good(into_vad("rate_hz: 16000"));

  const node::StageConfig config = plan->find("vad")->config();

  EXPECT_EQ(config.id, "vad");
  ASSERT_EQ(config.inputs.size(), 1U);
  EXPECT_EQ(config.inputs[0].rate_hz, 16000);
}

TEST(PlanFormats, UnknownUntilRunTimeFitsEverything) {
  const auto plan = good(into_vad("rate_hz: 0, channels: 0"));

  EXPECT_EQ(plan->find("vad")->input_formats[0].rate_hz, 0);
}

TEST(PlanFormats, AWrongRateNamesTheRemedy) {
  EXPECT_THAT(wrong(into_vad("rate_hz: 48000")),
              ElementsAre("t.yaml:8:21: 'vad.audio' takes 16000 Hz, but 'mic.audio' gives 48000 "
                          "Hz: put an audio_resample with rate_hz: 16000 between"));
}

TEST(PlanFormats, AWrongChannelCountNamesTheRemedy) {
  EXPECT_THAT(wrong(into_vad("rate_hz: 16000, channels: 2")),
              ElementsAre("t.yaml:8:21: 'vad.audio' takes 1 channel, but 'mic.audio' gives 2: mix "
                          "it to 1 channel before"));
}

TEST(PlanFormats, TheRemedyWorks) {
  const auto plan =
      good(graph("  - {id: mic, type: audio_input, params: {rate_hz: 48000}}\n"
                 "  - {id: resample, type: audio_resample, params: {rate_hz: 16000}}\n"
                 "  - {id: asr, type: asr}\n"
                 "  - {id: out, type: text_output}\n",
                 "  - {from: mic, to: resample}\n"
                 "  - {from: resample, to: asr}\n"
                 "  - {from: asr, to: out}\n"));

  EXPECT_EQ(plan->find("asr")->input_formats[0].rate_hz, 16000);
}

TEST(PlanFormats, AnUnconnectedInputIsUnknown) {
  const auto plan =
      good(graph("  - {id: mic, type: audio_input, params: {rate_hz: 16000}}\n"
                 "  - {id: mix, type: mix}\n"
                 "  - {id: out, type: audio_output}\n",
                 "  - {from: mic, to: mix.a}\n"
                 "  - {from: mix, to: out}\n"));

  const auto& formats = plan->find("mix")->input_formats;
  ASSERT_EQ(formats.size(), 3U);
  EXPECT_EQ(formats[0].rate_hz, 16000);
  EXPECT_EQ(formats[1].kind, media::PacketKind::audio);
  EXPECT_EQ(formats[1].rate_hz, 0);
}

/// Two sources into one input of `out`.
std::string two_into_one(std::string_view first, std::string_view second) {
  return graph("  - {id: one, type: audio_input, params: {" + std::string(first) +
                   "}}\n  - {id: two, type: audio_input, params: {" + std::string(second) +
                   "}}\n  - {id: out, type: audio_output}\n",
               "  - {from: one, to: out}\n"
               "  - {from: two, to: out}\n");
}

TEST(PlanFormats, SeveralEdgesIntoOneInputAgree) {
  EXPECT_THAT(wrong(two_into_one("rate_hz: 16000", "rate_hz: 8000")),
              ElementsAre("t.yaml:8:21: 'out.audio' gets 16000 Hz from 'one.audio' and 8000 Hz "
                          "from 'two.audio': put an audio_resample with rate_hz: 16000 behind the "
                          "second"));
  EXPECT_THAT(wrong(two_into_one("channels: 1", "channels: 2")),
              ElementsAre("t.yaml:8:21: 'out.audio' gets 1 channel from 'one.audio' and 2 channels "
                          "from 'two.audio': expected the same of both"));
}

TEST(PlanFormats, OneUnknownAmongSeveralEdgesMakesTheInputUnknown) {
  const auto plan = good(two_into_one("rate_hz: 16000", "rate_hz: 0"));

  EXPECT_EQ(plan->find("out")->input_formats[0].rate_hz, 0);
  EXPECT_EQ(plan->find("out")->input_formats[0].channels, 1);
}

TEST(PlanFormats, AFeedbackEdgeIsCheckedOnceItsProducerIsKnown) {
  const auto plan =
      good(graph("  - {id: mic, type: audio_input, params: {rate_hz: 16000}}\n"
                 "  - {id: gate, type: speculative_vad_gate}\n"
                 "  - {id: vad, type: silero_vad}\n"
                 "  - {id: out, type: audio_output}\n",
                 "  - {from: mic, to: gate}\n"
                 "  - {from: gate.for_confirmation, to: vad}\n"
                 "  - {from: vad, to: gate}\n"
                 "  - {from: gate, to: out}\n"));

  EXPECT_EQ(edge(*plan, "vad.vad>gate.vad").format.kind, media::PacketKind::tensor);
  EXPECT_EQ(plan->find("gate")->input_formats[1].kind, media::PacketKind::tensor);
}

/// mic -> x (refusing, line 4) -> vad, gate -> out.
std::string refused(std::string_view params) {
  return graph(
      "  - {id: mic, type: audio_input}\n"
      "  - {id: x, type: refusing, params: {" +
          std::string(params) +
          "}}\n"
          "  - {id: y, type: refusing}\n"
          "  - {id: out, type: audio_output}\n",
      "  - {from: mic, to: x}\n"
      "  - {from: x, to: y}\n"
      "  - {from: y, to: out}\n");
}

TEST(PlanCreation, AMissingModelKeepsItsCode) {
  const auto plan = planned(refused(""));

  ASSERT_FALSE(plan.has_value());
  ASSERT_EQ(plan.error().size(), 1U);
  EXPECT_EQ(plan.error()[0].code, base::Code::unavailable);
  EXPECT_EQ(plan.error()[0].text(),
            "t.yaml:4:5: 'x' (refusing): none.onnx: model file is not there");
}

TEST(PlanCreation, AnErrorThatNamesAParameterGetsItsPlace) {
  EXPECT_THAT(wrong(refused("file: a.flitevox")),
              ElementsAre("t.yaml:4:44: 'x' (refusing): file: no such voice"));
}

TEST(PlanCreation, IsNotTriedForAGraphThatCannotBe) {
  const std::string text = refused("");
  const std::string missing = text.substr(0, text.find("  - {from: y"));

  EXPECT_THAT(wrong(missing),
              ElementsAre("t.yaml:6:5: 'out' (audio_output): its input 'audio' is not connected: "
                          "expected an edge that brings audio"));
}

TEST(PlanCreation, IsNotTriedBehindANodeWithWrongParameters) {
  EXPECT_THAT(wrong(refused("model: 5")),
              ElementsAre("t.yaml:4:45: 'x' (refusing): parameter 'model': found 5, expected "
                          "text"));
}

}  // namespace
}  // namespace millrace::graph::for_test
