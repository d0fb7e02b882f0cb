#include "millrace/graph/detail/ports.hpp"

#include <gmock/gmock.h>

#include "millrace/graph/detail/small_nodes_test.hpp"

namespace millrace::graph::for_test {
namespace {

using ::testing::ElementsAre;

/// mic (line 3), vad (4), gate (5), asr (6), out (7, text); edges from line 9 on.
std::string gated(std::string_view edges) {
  return "version: v1\nnodes:\n"
         "  - {id: mic, type: audio_input, params: {rate_hz: 16000}}\n"
         "  - {id: vad, type: silero_vad}\n"
         "  - {id: gate, type: speculative_vad_gate}\n"
         "  - {id: asr, type: asr}\n"
         "  - {id: out, type: text_output}\n"
         "edges:\n" +
         std::string(edges);
}

constexpr std::string_view kRest =
    "  - {from: mic, to: vad}\n"
    "  - {from: mic, to: gate.audio}\n"
    "  - {from: vad, to: gate.vad}\n"
    "  - {from: asr, to: out}\n";

TEST(PlanPorts, LeftOutAreTheFirstThatFitEachOther) {
  const auto plan =
      good(gated("  - {from: mic, to: vad}\n"
                 "  - {from: mic, to: gate}\n"
                 "  - {from: vad, to: gate}\n"
                 "  - {from: gate, to: asr}\n"
                 "  - {from: asr, to: out}\n"));

  (void)edge(*plan, "mic.audio>gate.audio");
  (void)edge(*plan, "vad.vad>gate.vad");
  (void)edge(*plan, "gate.speculative_audio>asr.audio");
}

TEST(PlanPorts, AnswerToTheirAlias) {
  const auto plan = good(gated(std::string(kRest) + "  - {from: gate.audio, to: asr.audio}\n"));

  (void)edge(*plan, "gate.speculative_audio>asr.audio");
}

TEST(PlanPorts, FanOutAndFanInAreAllowed) {
  const auto plan =
      good(gated(std::string(kRest) +
                 "  - {from: gate, to: asr}\n  - {from: gate.for_confirmation, to: asr}\n"));

  EXPECT_EQ(plan->find("mic")->out_edges.size(), 2U);
  EXPECT_THAT(plan->find("asr")->in_edges, ElementsAre(4, 5));
}

TEST(PlanPorts, EdgesOfAStageAreSortedByPort) {
  const auto plan =
      good(gated("  - {from: vad, to: gate.vad}\n"
                 "  - {from: mic, to: vad}\n"
                 "  - {from: mic, to: gate.audio}\n"
                 "  - {from: gate, to: asr}\n"
                 "  - {from: asr, to: out}\n"));

  EXPECT_THAT(plan->find("gate")->in_edges, ElementsAre(2, 0));
}

TEST(PlanPorts, UnknownNamesGetTheNearest) {
  EXPECT_THAT(wrong(gated(std::string(kRest) + "  - {from: gate.speculative_adio, to: asr}\n")),
              ElementsAre("t.yaml:13:12: 'gate' (speculative_vad_gate) has no output "
                          "'speculative_adio' (did you mean 'speculative_audio'?)"));
}

TEST(PlanPorts, UnknownNamesWithNothingNearGetTheWholeList) {
  EXPECT_THAT(wrong(gated(std::string(kRest) +
                          "  - {from: gate, to: asr}\n  - {from: mic, to: gate.picture}\n")),
              ElementsAre("t.yaml:14:21: 'gate' (speculative_vad_gate) has no input 'picture': it "
                          "has audio (audio), vad (tensor)"));
}

TEST(PlanPorts, KindsMustMatch) {
  EXPECT_THAT(wrong(gated(std::string(kRest) + "  - {from: mic, to: gate.vad}\n"
                                               "  - {from: gate, to: asr}\n")),
              ElementsAre("t.yaml:13:21: 'mic.audio' gives audio, but 'gate.vad' takes tensor"));
}

TEST(PlanPorts, KindsOfNoPairMatch) {
  EXPECT_THAT(wrong(gated(std::string(kRest) + "  - {from: gate, to: asr}\n"
                                               "  - {from: asr, to: gate}\n")),
              ElementsAre("t.yaml:14:21: 'asr.text' gives text, but 'gate' (speculative_vad_gate) "
                          "takes audio (audio), vad (tensor)"));
  EXPECT_THAT(wrong(gated(std::string(kRest) + "  - {from: gate, to: asr}\n"
                                               "  - {from: gate, to: out}\n")),
              ElementsAre("t.yaml:14:22: 'gate' (speculative_vad_gate) gives speculative_audio "
                          "(audio), for_confirmation (audio), but 'out.text' takes text"));
}

TEST(PlanPorts, ASourceHasNoInputAndASinkNoOutput) {
  EXPECT_THAT(wrong(gated(std::string(kRest) + "  - {from: gate, to: asr}\n"
                                               "  - {from: gate, to: mic}\n"
                                               "  - {from: out, to: asr}\n")),
              ElementsAre("t.yaml:14:22: 'mic' (audio_input) has no input",
                          "t.yaml:15:12: 'out' (text_output) has no output"));
}

TEST(PlanPorts, TheSameEdgeTwiceIsAMistake) {
  EXPECT_THAT(wrong(gated(std::string(kRest) + "  - {from: gate, to: asr}\n"
                                               "  - {from: gate.audio, to: asr.audio}\n")),
              ElementsAre("t.yaml:14:5: this edge is there already, in line 13"));
}

TEST(PlanConnections, RequiredInputsMustBeConnected) {
  EXPECT_THAT(wrong(gated("  - {from: mic, to: vad}\n"
                          "  - {from: vad, to: gate.vad}\n"
                          "  - {from: gate, to: asr}\n"
                          "  - {from: asr, to: out}\n")),
              ElementsAre("t.yaml:5:5: 'gate' (speculative_vad_gate): its input 'audio' is not "
                          "connected: expected an edge that brings audio"));
}

TEST(PlanConnections, AFeedbackEdgeConnectsItsInput) {
  const auto plan =
      good(gated("  - {from: mic, to: gate}\n"
                 "  - {from: gate.for_confirmation, to: vad}\n"
                 "  - {from: vad, to: gate}\n"
                 "  - {from: gate, to: asr}\n"
                 "  - {from: asr, to: out}\n"));

  EXPECT_TRUE(edge(*plan, "vad.vad>gate.vad").feedback);
}

TEST(PlanConnections, NothingIsSaidOfTheConnectionsOfANodeWithAWrongEdge) {
  EXPECT_THAT(wrong(gated("  - {from: mic, to: vad}\n"
                          "  - {from: mic, to: gate.audio}\n"
                          "  - {from: vad, to: gate.vda}\n"
                          "  - {from: gate, to: asr}\n"
                          "  - {from: asr, to: out}\n")),
              ElementsAre("t.yaml:11:21: 'gate' (speculative_vad_gate) has no input 'vda' (did you "
                          "mean 'vad'?)"));
}

TEST(PlanConnections, ANodeThatNoSourceReachesIsAMistake) {
  EXPECT_THAT(wrong("version: v1\n"
                    "nodes:\n"
                    "  - {id: mic, type: audio_input}\n"
                    "  - {id: still, type: idle}\n"
                    "  - {id: out, type: audio_output}\n"
                    "edges: [{from: mic, to: out}, {from: still, to: out}]\n"),
              ElementsAre("t.yaml:4:5: 'still' (idle) gets nothing: no path from a source leads to "
                          "it"));
}

TEST(PlanConnections, ThereIsASource) {
  EXPECT_THAT(wrong("version: v1\n"
                    "nodes:\n"
                    "  - {id: still, type: idle}\n"
                    "  - {id: out, type: audio_output}\n"
                    "edges: [{from: still, to: out}]\n"),
              ElementsAre("t.yaml: the graph has no source: expected a node such as audio_input",
                          "t.yaml:3:5: 'still' (idle) gets nothing: no path from a source leads to "
                          "it"));
}

TEST(PlanConnections, ThereIsASink) {
  EXPECT_THAT(wrong("version: v1\n"
                    "nodes:\n"
                    "  - {id: mic, type: audio_input}\n"
                    "  - {id: rest, type: idle}\n"
                    "edges: [{from: mic, to: rest}]\n"),
              ElementsAre("t.yaml: the graph has no sink: expected a node such as audio_output"));
}

}  // namespace
}  // namespace millrace::graph::for_test
