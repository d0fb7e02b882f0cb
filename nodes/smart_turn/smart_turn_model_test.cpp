#include "nodes/smart_turn/smart_turn_model.hpp"

#include <gtest/gtest.h>

#include <string>

#include "millrace/inference/speech_for_test.hpp"

namespace millrace::nodes {
namespace {

namespace speech = inference::speech_for_test;

SmartTurnModel model() {
  auto made = SmartTurnModel::create(inference::ModelStore::locate());
  if (!made) ADD_FAILURE() << made.error().text();
  return std::move(made.value());
}

const std::vector<std::string> kPrompts{
    "agent-pass",      "agent-alreadyon",         "cannot-complete-as-dialed",
    "auth-thankyou",   "check-number-dial-again", "all-circuits-busy-now",
    "agent-incorrect", "basic-pbx-ivr-main"};

TEST(SmartTurnModel, TellsFinishedTurnsFromOnesCutInTheMiddle) {
  auto turn = model();
  std::size_t right = 0;
  for (const auto& name : kPrompts) {
    const auto whole = speech::prompt(name);
    const auto complete = turn.probability(whole);
    const auto cut = turn.probability(std::span(whole).first(whole.size() * 6 / 10));
    ASSERT_TRUE(complete && cut);
    EXPECT_GE(*complete, 0.0F);
    EXPECT_LE(*complete, 1.0F);
    right += (*complete > 0.5F ? 1 : 0) + (*cut < 0.5F ? 1 : 0);
  }
  EXPECT_GE(right, kPrompts.size() * 2 * 8 / 10) << "of " << kPrompts.size() * 2;
}

TEST(SmartTurnModel, HearsOnlyTheLastEightSeconds) {
  auto turn = model();
  const auto prompt = speech::prompt("basic-pbx-ivr-main");
  ASSERT_GT(prompt.size(), SmartTurnModel::kFrames);

  const auto all = turn.probability(prompt);
  const auto end = turn.probability(std::span(prompt).last(SmartTurnModel::kFrames));

  ASSERT_TRUE(all && end);
  EXPECT_EQ(*all, *end);
}

TEST(SmartTurnModel, GivesTheSameForTheSameAudio) {
  auto turn = model();
  auto other = model();
  const auto prompt = speech::prompt("agent-pass");

  const auto first = turn.probability(prompt);
  const auto again = turn.probability(prompt);
  const auto elsewhere = other.probability(prompt);

  ASSERT_TRUE(first && again && elsewhere);
  EXPECT_EQ(*first, *again);
  EXPECT_EQ(*first, *elsewhere);
}

TEST(SmartTurnModel, TakesNoAudioAtAll) {
  auto turn = model();

  const auto silence = turn.probability({});

  EXPECT_TRUE(silence);
}

TEST(SmartTurnModel, CanBeStopped) {
  auto turn = model();
  inference::RunControl control;
  control.stop();

  const auto stopped = turn.probability(speech::prompt("agent-pass"), &control);

  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, base::Code::cancelled);
}

TEST(SmartTurnModel, SaysWhereTheModelShouldBe) {
  const auto made = SmartTurnModel::create(inference::ModelStore("/nowhere"));

  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, base::Code::unavailable);
}

}  // namespace
}  // namespace millrace::nodes
