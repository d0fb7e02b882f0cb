#include "millrace/graph/detail/params.hpp"

#include <gmock/gmock.h>

#include "millrace/graph/detail/small_nodes_test.hpp"

namespace millrace::graph::for_test {
namespace {

using ::testing::ElementsAre;

/// A graph around one `tuned` node; its parameters stand in line 4 from column 35 on.
std::string tuned(std::string_view params) {
  return "version: v1\nnodes:\n  - {id: mic, type: audio_input}\n  - {id: x, type: tuned, params: "
         "{" +
         std::string(params) +
         "}}\n  - {id: out, type: audio_output}\nedges: [{from: mic, to: x}, {from: x, to: out}]\n";
}

TEST(PlanParams, TakeEveryKindAsWritten) {
  const auto plan =
      good(tuned("enabled: false, count: 100000, gain_db: 12.5, label: '', mode: high, "
                 "table: [{a: 1}, x], voice: slt"));

  const node::Params& params = plan->find("x")->params;
  EXPECT_FALSE(params.boolean("enabled"));
  EXPECT_EQ(params.integer("count"), 100000);
  EXPECT_EQ(params.number("gain_db"), 12.5);
  EXPECT_EQ(params.text("label"), "");
  EXPECT_EQ(params.text("mode"), "high");
  EXPECT_EQ(params.text("table"), R"([{"a":1},"x"])");
  EXPECT_EQ(params.text("voice"), "slt");
  for (const auto* name : {"enabled", "count", "gain_db", "label", "mode", "table", "voice"})
    EXPECT_TRUE(params.given(name)) << name;
}

TEST(PlanParams, FillUpWithTheDefaults) {
  const auto plan = good(tuned("voice: slt"));

  const node::Params& params = plan->find("x")->params;
  EXPECT_TRUE(params.boolean("enabled"));
  EXPECT_EQ(params.integer("count"), 3);
  EXPECT_EQ(params.number("gain_db"), -1.5);
  EXPECT_EQ(params.text("label"), "plain");
  EXPECT_EQ(params.text("mode"), "low");
  EXPECT_EQ(params.text("table"), "{}");
  for (const auto* name : {"enabled", "count", "gain_db", "label", "mode", "table"})
    EXPECT_FALSE(params.given(name)) << name;
}

TEST(PlanParams, ReadAsZeroWithoutADefault) {
  const auto plan = good(tuned("voice: slt"));

  const node::Params& params = plan->find("mic")->params;
  EXPECT_EQ(params.integer("rate_hz"), 0);
  EXPECT_FALSE(params.given("rate_hz"));
}

TEST(PlanParams, TakeAWholeNumberWhereverANumberIsMeant) {
  const auto plan = good(tuned("voice: slt, gain_db: 3, count: 1e3"));

  EXPECT_EQ(plan->find("x")->params.number("gain_db"), 3.0);
  EXPECT_EQ(plan->find("x")->params.integer("count"), 1000);
}

TEST(PlanParams, SuggestTheNearestName) {
  EXPECT_THAT(wrong(tuned("voice: slt, lable: a")),
              ElementsAre("t.yaml:4:47: 'x' (tuned) has no parameter 'lable' (did you mean "
                          "'label'?)"));
}

TEST(PlanParams, SuggestTheSameWordWithItsUnit) {
  EXPECT_THAT(wrong(tuned("voice: slt, gain: 2")),
              ElementsAre("t.yaml:4:47: 'x' (tuned) has no parameter 'gain' (did you mean "
                          "'gain_db'?)"));
}

TEST(PlanParams, ListWhatThereIsWhenNothingIsNear) {
  EXPECT_THAT(
      wrong(tuned("voice: slt, loudspeaker: 2")),
      ElementsAre("t.yaml:4:47: 'x' (tuned) has no parameter 'loudspeaker': it has enabled, "
                  "count, gain_db, label, mode, table, voice"));
}

TEST(PlanParams, SayWhenATypeTakesNone) {
  EXPECT_THAT(wrong("version: v1\n"
                    "nodes:\n"
                    "  - {id: mic, type: audio_input}\n"
                    "  - {id: out, type: audio_output, params: {path: a.wav}}\n"
                    "edges: [{from: mic, to: out}]\n"),
              ElementsAre("t.yaml:4:44: 'out' (audio_output) has no parameter 'path': it takes "
                          "none"));
}

TEST(PlanParams, SayWhatIsMissing) {
  EXPECT_THAT(wrong(tuned("count: 2")),
              ElementsAre("t.yaml:4:34: 'x' (tuned): parameter 'voice' is missing: expected text"));
}

struct WrongValue {
  const char* params;
  const char* message;
};

class PlanParamsRefuse : public ::testing::TestWithParam<WrongValue> {};

TEST_P(PlanParamsRefuse, WithWhatWasFoundAndExpected) {
  EXPECT_THAT(wrong(tuned(std::string("voice: slt, ") + GetParam().params)),
              ElementsAre("t.yaml:4:" + std::string(GetParam().message)));
}

INSTANTIATE_TEST_SUITE_P(
    Each, PlanParamsRefuse,
    ::testing::Values(
        WrongValue{"enabled: 1",
                   "56: 'x' (tuned): parameter 'enabled': found 1, expected true or false"},
        WrongValue{"count: 0",
                   "54: 'x' (tuned): parameter 'count': found 0, expected a whole "
                   "number from 1 to 100000"},
        WrongValue{"count: 100001",
                   "54: 'x' (tuned): parameter 'count': found 100001, expected a "
                   "whole number from 1 to 100000"},
        WrongValue{"count: 1.5",
                   "54: 'x' (tuned): parameter 'count': found 1.5, expected a whole "
                   "number from 1 to 100000"},
        WrongValue{"count: many",
                   "54: 'x' (tuned): parameter 'count': found 'many', expected a "
                   "whole number from 1 to 100000"},
        WrongValue{"gain_db: 12.6",
                   "56: 'x' (tuned): parameter 'gain_db': found 12.6, expected a "
                   "number from -60 to 12.5 dB"},
        WrongValue{"gain_db: []",
                   "56: 'x' (tuned): parameter 'gain_db': found a list, expected a "
                   "number from -60 to 12.5 dB"},
        WrongValue{"label: 7", "54: 'x' (tuned): parameter 'label': found 7, expected text"},
        WrongValue{"mode: hihg",
                   "53: 'x' (tuned): parameter 'mode': found 'hihg', expected one of "
                   "low, medium, high (did you mean 'high'?)"},
        WrongValue{"mode: 3",
                   "53: 'x' (tuned): parameter 'mode': found 3, expected one of low, "
                   "medium, high"},
        WrongValue{"table: null",
                   "54: 'x' (tuned): parameter 'table': found nothing, expected a "
                   "list or a map"}));

TEST(PlanParams, WithoutARangeTakeAnyFiniteNumber) {
  const auto head =
      std::string("version: v1\nnodes:\n  - {id: mic, type: audio_input, params: {rate_hz: ");
  const auto tail =
      std::string("}}\n  - {id: out, type: audio_output}\nedges: [{from: mic, to: out}]\n");

  EXPECT_EQ(good(head + "-5" + tail)->find("mic")->params.integer("rate_hz"), -5);
  EXPECT_THAT(
      wrong(head + "x" + tail),
      ElementsAre("t.yaml:3:52: 'mic' (audio_input): parameter 'rate_hz': found 'x', expected "
                  "a whole number of Hz"));
}

TEST(PlanParams, NeverShowAWordFromTheEnvironment) {
  const auto secret = [](const std::string&) { return std::optional<std::string>("hihg"); };
  const auto spec = manifest::load_text(tuned("voice: slt, mode: \"${WORD}\""), "t.yaml", secret);
  ASSERT_TRUE(spec.has_value());

  const auto plan = build_plan(*spec, registry());

  ASSERT_FALSE(plan.has_value());
  EXPECT_EQ(plan.error().front().message,
            "'x' (tuned): parameter 'mode': found a word from the environment, expected one of "
            "low, medium, high");
}

TEST(PlanParams, ReportEveryMistakeInTheOrderWritten) {
  const auto messages = wrong(tuned("gain_db: 99, lable: a, count: 0"));

  ASSERT_EQ(messages.size(), 4U);
  EXPECT_TRUE(messages[0].starts_with("t.yaml:4:34: 'x' (tuned): parameter 'voice'"));
  EXPECT_TRUE(messages[1].starts_with("t.yaml:4:44: 'x' (tuned): parameter 'gain_db'"));
  EXPECT_TRUE(messages[2].starts_with("t.yaml:4:48: 'x' (tuned) has no parameter 'lable'"));
  EXPECT_TRUE(messages[3].starts_with("t.yaml:4:65: 'x' (tuned): parameter 'count'"));
}

}  // namespace
}  // namespace millrace::graph::for_test
