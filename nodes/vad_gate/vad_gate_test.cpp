#include "nodes/vad_gate/vad_gate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "millrace/testing/node_harness.hpp"

namespace millrace::nodes {
namespace {

using base::MediaTime;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::NodeHarness;
using testing::RecordedCall;
using ::testing::SizeIs;
using testing::SpeculationCall;

constexpr std::int32_t kRate = 16'000;
constexpr std::int64_t kWindow = 512;

std::unique_ptr<NodeHarness> open(std::vector<testing::GivenParam> params = {},
                                  bool in_rt = false) {
  auto made =
      NodeHarness::create(vad_gate_type(), {.params = std::move(params),
                                            .inputs = {{}, {}, {.rate_hz = kRate, .channels = 1}},
                                            .in_rt = in_rt});
  EXPECT_TRUE(made.has_value()) << made.error().text();
  return std::move(*made);
}

float sample(std::int64_t frame) {
  return static_cast<float>(frame);
}

/// As many windows of silence, speech, silence … as `lengths` says, in frames of `frame_ms`; the
/// decision about a window comes right before the frame that completes it.
void run(NodeHarness& gate, const std::vector<int>& lengths, std::int64_t frame_ms = 20) {
  std::vector<float> decisions;
  for (std::size_t i = 0; i < lengths.size(); ++i)
    decisions.insert(decisions.end(), static_cast<std::size_t>(lengths[i]),
                     i % 2 == 0 ? 0.0F : 1.0F);
  const auto until = static_cast<std::int64_t>(decisions.size()) * kWindow;
  std::int64_t decided = 0;
  for (std::int64_t at = 0; at < until;) {
    const std::int64_t next = std::min(at + frame_ms * kRate / 1000, until);
    for (; (decided + 1) * kWindow <= next; ++decided)
      gate.push_tensor(0, decisions[static_cast<std::size_t>(decided)],
                       base::media_time(decided * kWindow, kRate),
                       base::media_time((decided + 1) * kWindow, kRate));
    std::vector<float> samples;
    for (std::int64_t frame = at; frame < next; ++frame) samples.push_back(sample(frame));
    gate.push_audio(2, samples, base::media_time(at, kRate), kRate);
    at = next;
  }
}

TEST(VadGate, SendsNothingBeforeSpeechIsCertainAndAllOfItThen) {
  const auto gate = open();
  run(*gate, {10, 7});
  EXPECT_THAT(gate->data(0), IsEmpty());
  EXPECT_THAT(gate->speculation().calls(), IsEmpty());

  const auto longer = open();
  run(*longer, {10, 8});
  EXPECT_THAT(
      longer->speculation().calls(),
      ElementsAre(
          RecordedCall{
              .call = SpeculationCall::open_segment, .segment = {1}, .from = MediaTime{170'000}},
          RecordedCall{.call = SpeculationCall::confirm_segment, .segment = {1}},
          RecordedCall{.call = SpeculationCall::open_turn, .turn = {1}},
          RecordedCall{.call = SpeculationCall::speech_started, .at = MediaTime{170'000}}));
  std::vector<float> expected;
  for (std::int64_t frame = 2'720; frame < 18 * kWindow; ++frame) expected.push_back(sample(frame));
  EXPECT_EQ(longer->samples(0), expected);
}

TEST(VadGate, NeverCancels) {
  const auto gate = open();
  run(*gate, {10, 2, 20, 5, 20});
  gate->end();

  EXPECT_THAT(gate->speculation().calls(), IsEmpty());
  EXPECT_THAT(gate->data(0), IsEmpty());
  EXPECT_THAT(gate->data(1), ::testing::Not(IsEmpty()));
}

TEST(VadGate, EndsSpeechAndTurnsWithoutGuessing) {
  const auto gate = open();
  run(*gate, {10, 20, 40});

  EXPECT_EQ(gate->speculation().calls(SpeculationCall::speech_ended)[0].at, MediaTime{990'000});
  EXPECT_THAT(gate->speculation().calls(SpeculationCall::eager_end_of_turn), IsEmpty());
  EXPECT_THAT(gate->speculation().calls(SpeculationCall::end_of_turn),
              ElementsAre(RecordedCall{.call = SpeculationCall::end_of_turn,
                                       .turn = {1},
                                       .revision = 1,
                                       .at = MediaTime{990'000},
                                       .audio_until = MediaTime{1'088'000}}));
}

TEST(VadGate, DecidesTheSameHoweverTheAudioWasCut) {
  const std::vector<int> lengths{10, 20, 9, 3, 8, 14, 30, 9, 4, 12, 40};
  const auto expected = open();
  run(*expected, lengths, 10);
  expected->end();
  for (const std::int64_t frame_ms : {20, 31, 100, 1'000}) {
    const auto gate = open();
    run(*gate, lengths, frame_ms);
    gate->end();
    EXPECT_EQ(gate->speculation().calls(), expected->speculation().calls());
    EXPECT_EQ(gate->samples(0), expected->samples(0));
    EXPECT_THAT(gate->violations(), IsEmpty());
    EXPECT_THAT(gate->failures(), IsEmpty());
  }
}

TEST(VadGate, SendsWithoutASegmentWhileTheBudgetIsUsedUp) {
  const auto gate = open();
  gate->speculation().set_budget_used_up(true);
  run(*gate, {10, 20, 10});

  EXPECT_THAT(gate->speculation().calls(SpeculationCall::confirm_segment), IsEmpty());
  ASSERT_THAT(gate->data(0), ::testing::Not(IsEmpty()));
  EXPECT_TRUE(gate->data(0)[0].lineage.segments.empty());
  EXPECT_EQ(gate->data(0)[0].from, MediaTime{170'000});
}

TEST(VadGate, HasThePortsAndParametersOfTheGateThatSpeculates) {
  const node::Contract& contract = *vad_gate_type().contract;
  EXPECT_EQ(contract.outputs[0].name, "audio");
  EXPECT_EQ(contract.outputs[0].alias, "speculative_audio");
  EXPECT_EQ(contract.inputs[0].name, "vad");
  EXPECT_EQ(contract.inputs[2].name, "audio");
  for (const node::ParamDecl& param : contract.params) EXPECT_NE(param.name, "eager");
}

TEST(VadGate, NeitherAllocatesNorLocksInTheSweep) {
  const auto gate = open({}, true);
  run(*gate, {10, 20, 9, 3, 8, 14, 40});
  gate->end();

  EXPECT_EQ(gate->allocations(), 0U);
  EXPECT_EQ(gate->locks(), 0U);
}

}  // namespace
}  // namespace millrace::nodes
