#include "apps/millrace/bench/speculation_speech.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace millrace::app {
namespace {

std::vector<float> tone(std::size_t frames) {
  std::vector<float> samples(frames);
  for (std::size_t i = 0; i < frames; ++i)
    samples[i] = 0.3F * std::sin(static_cast<float>(i) * 0.2F);
  return samples;
}

TEST(CutToSpeech, KeepsTwentyMillisecondsOnBothSides) {
  std::vector<float> samples(8'000, 0.0F);
  const auto speech = tone(16'000);
  samples.insert(samples.end(), speech.begin(), speech.end());
  samples.insert(samples.end(), 8'000, 0.0F);

  EXPECT_EQ(cut_to_speech(samples).size(), 16'000U + 2U * 320U);
}

TEST(CutToSpeech, FindsNothingInSilence) {
  EXPECT_TRUE(cut_to_speech(std::vector<float>(8'000, 0.0F)).empty());
  EXPECT_TRUE(cut_to_speech({}).empty());
}

class Labelled : public ::testing::Test {
 protected:
  std::vector<SpokenPrompt> prompts_{{"a", tone(16'000)}, {"b", tone(24'000)}};
};

TEST_F(Labelled, SaysWhereEachTurnAndUtteranceIs) {
  base::Rng rng(1);
  const LabelledSpeech made = make_labelled_speech(prompts_, 4, rng);

  ASSERT_EQ(made.turns.size(), 4U);
  EXPECT_GE(made.utterances.size(), 4U);
  EXPECT_LE(made.utterances.size(), 12U);
  for (std::size_t i = 1; i < made.turns.size(); ++i) {
    const base::MediaTime gap = made.turns[i].from - made.turns[i - 1].to;
    EXPECT_GE(gap, base::MediaTime{1'490'000});
    EXPECT_LE(gap, base::MediaTime{2'510'000});
  }
  for (std::size_t i = 1; i < made.utterances.size(); ++i)
    EXPECT_GE(made.utterances[i].from - made.utterances[i - 1].to, base::MediaTime{240'000});
  EXPECT_EQ(made.utterances.front().from, made.turns.front().from);
  EXPECT_EQ(made.utterances.back().to, made.turns.back().to);
}

TEST_F(Labelled, IsTheSameForTheSameSeed) {
  base::Rng first(7);
  base::Rng second(7);
  base::Rng other(8);

  const LabelledSpeech made = make_labelled_speech(prompts_, 2, first);

  EXPECT_EQ(made.samples, make_labelled_speech(prompts_, 2, second).samples);
  EXPECT_NE(made.samples, make_labelled_speech(prompts_, 2, other).samples);
}

TEST_F(Labelled, GetsNoiseSoManyDecibelsBelowTheSpeech) {
  for (const NoiseColour colour : {NoiseColour::white, NoiseColour::pink}) {
    base::Rng rng(1);
    const LabelledSpeech clean = make_labelled_speech(prompts_, 2, rng);
    LabelledSpeech noisy = clean;
    add_noise(noisy, colour, 15.0, rng);
    double sum = 0.0;
    for (std::size_t i = 0; i < clean.samples.size(); ++i)
      sum += std::pow(static_cast<double>(noisy.samples[i]) - clean.samples[i], 2.0);
    const double rms = std::sqrt(sum / static_cast<double>(clean.samples.size()));

    EXPECT_NEAR(20.0 * std::log10(rms / clean.speech_rms), -15.0, 0.1);
  }
}

TEST(SpokenPrompts, SayHowToGetThemWhereThereAreNone) {
  const auto none = spoken_prompts(::testing::TempDir() + "no-prompts-here");

  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().code, base::Code::unavailable);
  EXPECT_NE(none.error().text().find("./dev setup demo"), std::string::npos);
}

}  // namespace
}  // namespace millrace::app
