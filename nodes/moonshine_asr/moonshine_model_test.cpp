#include "nodes/moonshine_asr/moonshine_model.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <thread>

#include "millrace/inference/speech_for_test.hpp"

namespace millrace::nodes {
namespace {

namespace speech = inference::speech_for_test;

const MoonshineModel& model() {
  static const auto made = MoonshineModel::create(inference::ModelStore::locate());
  if (!made) ADD_FAILURE() << made.error().text();
  return made.value();
}

const std::vector<std::string> kPrompts{"agent-pass", "agent-alreadyon", "all-circuits-busy-now",
                                        "cannot-complete-as-dialed", "check-number-dial-again"};

TEST(MoonshineModel, UnderstandsRealSpeech) {
  std::size_t said_words = 0;
  std::size_t errors = 0;
  for (const auto& name : kPrompts) {
    const auto heard = model().transcribe(speech::prompt(name));
    ASSERT_TRUE(heard) << heard.error().text();

    const auto said = speech::words(speech::prompt_text(name));
    errors += speech::word_errors(said, speech::words(heard->text));
    said_words += said.size();
    EXPECT_GE(heard->steps, heard->tokens.size());
    EXPECT_FALSE(heard->truncated) << heard->text;
  }
  EXPECT_GT(said_words, 30U);
  EXPECT_LE(static_cast<double>(errors), 0.2 * static_cast<double>(said_words));
}

TEST(MoonshineModel, GivesTheSameAgainAndOnOtherThreads) {
  const auto samples = speech::prompt("agent-pass");
  const auto first = model().transcribe(samples);
  ASSERT_TRUE(first);
  std::array<std::string, 2> texts;
  {
    std::vector<std::jthread> threads;
    for (auto& text : texts)
      threads.emplace_back([&] { text = model().transcribe(samples).value().text; });
  }
  EXPECT_EQ(texts[0], first->text);
  EXPECT_EQ(texts[1], first->text);
}

TEST(MoonshineModel, HearsNothingInNoAudio) {
  const auto heard = model().transcribe({});

  ASSERT_TRUE(heard);
  EXPECT_EQ(heard->text, "");
  EXPECT_EQ(heard->steps, 0U);
}

TEST(MoonshineModel, TakesEvenASingleFrame) {
  const std::vector<float> one(1, 0.0F);

  EXPECT_TRUE(model().transcribe(one));
}

TEST(MoonshineModel, EndsAtItsLimitOfSteps) {
  const auto samples = speech::prompt("agent-pass");

  const auto heard = model().transcribe(samples, {.max_steps = 3});

  ASSERT_TRUE(heard);
  EXPECT_EQ(heard->steps, 3U);
  EXPECT_TRUE(heard->truncated);
}

TEST(MoonshineModel, DoesNotStartWhenItIsStoppedAlready) {
  TranscribeControl control;

  const auto heard =
      model().transcribe(speech::prompt("agent-pass"), {}, [] { return true; }, &control);

  ASSERT_FALSE(heard);
  EXPECT_EQ(heard.error().code, base::Code::cancelled);
  EXPECT_EQ(control.steps(), 0U);
}

TEST(MoonshineModel, GivesUpBetweenEncoderAndDecoder) {
  TranscribeControl control;
  int asked = 0;

  const auto heard = model().transcribe(
      speech::prompt("agent-pass"), {}, [&asked] { return ++asked == 2; }, &control);

  ASSERT_FALSE(heard);
  EXPECT_EQ(heard.error().code, base::Code::cancelled);
  EXPECT_EQ(control.steps(), 0U);
}

TEST(MoonshineModel, RunsAtMostOneStepAfterTheStopWhereverItComes) {
  const auto samples = speech::prompt("agent-pass");
  for (const std::uint32_t stop_after : {0U, 1U, 2U, 5U, 9U}) {
    TranscribeControl control;
    bool stop = false;
    std::uint32_t steps_when_stopped = 0;
    // The stop falls into the step that follows the question which comes before it.
    const auto asked = [&] {
      const bool seen = stop;
      if (control.steps() >= stop_after && !stop) {
        stop = true;
        steps_when_stopped = control.steps();
      }
      return seen;
    };

    const auto heard = model().transcribe(samples, {}, asked, &control);

    ASSERT_FALSE(heard) << stop_after;
    EXPECT_EQ(heard.error().code, base::Code::cancelled);
    EXPECT_LE(control.steps() - steps_when_stopped, 1U);
    EXPECT_LE(control.steps_after_stop(), 1U);
  }
}

TEST(MoonshineModel, RunsAtMostOneStepAfterAStopFromAnotherThread) {
  const auto samples = speech::prompt("conf-adminmenu-162");
  TranscribeControl control;
  std::atomic<bool> stop{false};
  std::uint32_t steps_when_stopped = 0;
  std::jthread stopper([&] {
    while (control.steps() < 3) std::this_thread::yield();
    stop = true;
    stop.notify_all();
    steps_when_stopped = control.steps();
  });
  // The stop falls anywhere into steps 3 to 10, and is waited for then: on a busy machine the other
  // thread may be late.
  const auto asked = [&] {
    if (control.steps() == 10) stop.wait(false);
    return stop.load();
  };

  const auto heard = model().transcribe(samples, {}, asked, &control);
  stopper.join();

  ASSERT_FALSE(heard);
  EXPECT_EQ(heard.error().code, base::Code::cancelled);
  EXPECT_LE(control.steps(), steps_when_stopped + 1);
  EXPECT_LE(control.steps_after_stop(), 1U);
}

TEST(MoonshineModel, CanBeTerminatedInsideARunAndUsedAgain) {
  const auto samples = speech::prompt("agent-pass");
  TranscribeControl control;
  int asked = 0;
  // Not the predicate's answer but the control ends it: the flag is up when the encoder starts.
  const auto heard = model().transcribe(
      samples, {},
      [&] {
        if (++asked == 1) control.terminate();
        return false;
      },
      &control);

  ASSERT_FALSE(heard);
  EXPECT_EQ(heard.error().code, base::Code::cancelled);
  EXPECT_EQ(asked, 1) << "the encoder's run itself was ended";

  control.reset();
  EXPECT_TRUE(model().transcribe(samples, {}, {}, &control));
  EXPECT_GT(control.steps(), 0U);
}

TEST(MoonshineModel, CutsLongAudioWhereItIsQuietest) {
  constexpr std::size_t kSecond = MoonshineModel::kRateHz;
  std::vector<float> audio(70 * kSecond, 0.5F);
  std::fill_n(audio.begin() + 24 * kSecond, kSecond / 50, 0.0F);
  std::fill_n(audio.begin() + 10 * kSecond, kSecond, 0.0F);

  const auto lengths = MoonshineModel::pieces(audio);

  ASSERT_EQ(lengths.size(), 3U);
  EXPECT_EQ(lengths[0], 24 * kSecond + kSecond / 100);
  EXPECT_EQ(std::accumulate(lengths.begin(), lengths.end(), std::size_t{0}), audio.size());
  for (const auto length : lengths) EXPECT_LE(length, MoonshineModel::kMaxPieceFrames);
}

TEST(MoonshineModel, LeavesThirtySecondsInOnePiece) {
  const std::vector<float> audio(MoonshineModel::kMaxPieceFrames, 0.1F);
  const std::vector<float> longer(MoonshineModel::kMaxPieceFrames + 1, 0.1F);

  EXPECT_EQ(MoonshineModel::pieces(audio).size(), 1U);
  EXPECT_EQ(MoonshineModel::pieces(longer).size(), 2U);
}

TEST(MoonshineModel, SaysWhereTheModelShouldBe) {
  const auto made = MoonshineModel::create(inference::ModelStore("/nowhere"));

  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, base::Code::unavailable);
}

}  // namespace
}  // namespace millrace::nodes
