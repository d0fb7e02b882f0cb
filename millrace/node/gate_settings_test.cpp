#include "millrace/node/gate_settings.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>

namespace millrace::node {
namespace {

using base::MediaTime;
using policy::OnsetMode;
using std::chrono::milliseconds;

Params params_of(OnsetMode mode) {
  Params params;
  for (const ParamDecl& decl : gate_params(mode)) {
    const std::string initial{decl.initial};
    Params::Value value = initial;
    if (decl.kind == ParamKind::number) value = std::stod(initial);
    if (decl.kind == ParamKind::boolean) value = initial == "true";
    params.set(std::string(decl.name), std::move(value), false);
  }
  return params;
}

GateSettings settings_of(const Params& params, OnsetMode mode = OnsetMode::speculative) {
  const auto settings = gate_settings(params, mode, "gate");
  EXPECT_TRUE(settings.has_value()) << settings.error().text();
  return settings.value_or(GateSettings{});
}

TEST(GateSettings, AreTheDefaultsOfTheSpecificationWhenNothingIsGiven) {
  const GateSettings settings = settings_of(params_of(OnsetMode::speculative));
  const policy::OnsetParams expected;
  EXPECT_EQ(settings.onset.lookback, expected.lookback);
  EXPECT_EQ(settings.onset.lookahead, expected.lookahead);
  EXPECT_EQ(settings.onset.min_speech, expected.min_speech);
  EXPECT_EQ(settings.onset.min_silence, expected.min_silence);
  EXPECT_EQ(settings.onset.pad, expected.pad);
  EXPECT_FLOAT_EQ(settings.onset.threshold, 0.5F);
  EXPECT_FLOAT_EQ(settings.onset.negative_threshold, 0.35F);
  ASSERT_TRUE(settings.turn.has_value());
  EXPECT_TRUE(settings.turn->eager);
  EXPECT_EQ(settings.turn->eager_silence, MediaTime{milliseconds{200}});
  EXPECT_EQ(settings.turn->end_of_turn, MediaTime{milliseconds{600}});
  EXPECT_FALSE(settings.interrupt_min.has_value());
}

TEST(GateSettings, OfAGateThatWaitsKnowNoGuess) {
  const GateSettings settings = settings_of(params_of(OnsetMode::waiting), OnsetMode::waiting);
  EXPECT_FALSE(settings.turn->eager);
  EXPECT_EQ(gate_params(OnsetMode::speculative).size() - gate_params(OnsetMode::waiting).size(),
            2U);
}

TEST(GateSettings, LeaveATurnModelNothingToMoveUnlessItIsAskedFor) {
  Params params = params_of(OnsetMode::speculative);
  EXPECT_EQ(settings_of(params).turn->end_min, settings_of(params).turn->end_max);

  params.set("turn_model", true);
  params.set("turn_model_range", 4.0);
  params.set("min_silence_ms", 160.0);
  const policy::TurnParams turn = *settings_of(params).turn;
  EXPECT_EQ(turn.eager_min, MediaTime{milliseconds{50}});
  EXPECT_EQ(turn.eager_max, MediaTime{milliseconds{800}});
  // A turn never ends before its speech does.
  EXPECT_EQ(turn.end_min, MediaTime{milliseconds{160}});
  EXPECT_EQ(turn.end_max, MediaTime{milliseconds{2400}});
}

TEST(GateSettings, NameTheGateThatContradictsItself) {
  Params params = params_of(OnsetMode::speculative);
  params.set("negative_threshold", 0.9);
  const auto settings = gate_settings(params, OnsetMode::speculative, "gate");
  ASSERT_FALSE(settings.has_value());
  EXPECT_EQ(settings.error().code, base::Code::bad_manifest);
  EXPECT_EQ(settings.error().where, "gate");
}

TEST(GateInputs, StandInTheOrderOfTheirNumbersWithDecisionsFirst) {
  EXPECT_EQ(gate_inputs()[kGateVad].name, "vad");
  EXPECT_EQ(gate_inputs()[kGateTurn].name, "turn");
  EXPECT_EQ(gate_inputs()[kGateAudio].name, "audio");
  EXPECT_TRUE(gate_inputs()[kGateVad].feedback);
  EXPECT_FALSE(gate_inputs()[kGateAudio].feedback);
}

}  // namespace
}  // namespace millrace::node
