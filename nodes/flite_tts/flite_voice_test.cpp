#include "nodes/flite_tts/flite_voice.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <string>
#include <thread>
#include <vector>

#include "millrace/base/limits.hpp"

namespace millrace::nodes {
namespace {

using Samples = std::vector<std::int16_t>;

FliteVoice voice(FliteVoiceName name = FliteVoiceName::slt, double rate = 1.0) {
  auto made = FliteVoice::create(name, rate);
  if (!made) ADD_FAILURE() << made.error().text();
  return made.value();
}

Samples say(const FliteVoice& with, const std::string& text,
            FliteQuality quality = FliteQuality::full) {
  Samples all;
  const auto take = [&all](std::span<const std::int16_t> samples) {
    all.insert(all.end(), samples.begin(), samples.end());
    return true;
  };
  const auto report = with.synthesize(text, take, quality);
  if (!report) ADD_FAILURE() << report.error().text();
  return all;
}

double loudness(const Samples& samples) {
  double sum = 0;
  for (const auto x : samples) sum += static_cast<double>(x) * x;
  return std::sqrt(sum / static_cast<double>(std::max<std::size_t>(1, samples.size())));
}

class EveryFliteVoice : public testing::TestWithParam<FliteVoiceName> {};
INSTANTIATE_TEST_SUITE_P(Voices, EveryFliteVoice,
                         testing::Values(FliteVoiceName::slt, FliteVoiceName::kal16));

TEST_P(EveryFliteVoice, SpeaksASentenceInSmallChunks) {
  std::size_t frames = 0;
  std::size_t chunks = 0;
  std::size_t largest = 0;

  const auto report =
      voice(GetParam())
          .synthesize("We are open from nine to five.", [&](std::span<const std::int16_t> samples) {
            frames += samples.size();
            largest = std::max(largest, samples.size());
            ++chunks;
            return true;
          });

  ASSERT_TRUE(report) << report.error().text();
  EXPECT_EQ(report->frames, frames);
  EXPECT_EQ(report->sentences, 1U);
  EXPECT_FALSE(report->stopped);
  EXPECT_GT(frames, 1U * FliteVoice::kRateHz);
  EXPECT_LT(frames, 5U * FliteVoice::kRateHz);
  EXPECT_GT(chunks, 20U);
  EXPECT_LT(largest, 1'600U) << "a chunk of more than 100 ms is late";
}

TEST_P(EveryFliteVoice, IsHeard) {
  EXPECT_GT(loudness(say(voice(GetParam()), "Hello, how can I help you?")), 300.0);
}

TEST_P(EveryFliteVoice, SaysTheSameAgain) {
  const auto with = voice(GetParam());
  const auto first = say(with, "One two three.");

  say(with, "Something else in between.");

  EXPECT_EQ(say(with, "One two three."), first);
}

TEST_P(EveryFliteVoice, StopsAtTheChunkThatIsRefused) {
  int chunks = 0;

  const auto report =
      voice(GetParam())
          .synthesize("This is the first sentence. This is the second one.",
                      [&chunks](std::span<const std::int16_t>) { return ++chunks < 3; });

  ASSERT_TRUE(report) << report.error().text();
  EXPECT_EQ(chunks, 3) << "the sink is not asked again";
  EXPECT_TRUE(report->stopped);
  EXPECT_EQ(report->sentences, 1U);
}

TEST_P(EveryFliteVoice, SpeaksFasterAtAHigherRate) {
  const std::string text = "The quick brown fox jumps over the lazy dog.";
  const auto slow = say(voice(GetParam(), 0.5), text).size();
  const auto plain = say(voice(GetParam(), 1.0), text).size();
  const auto fast = say(voice(GetParam(), 2.0), text).size();

  EXPECT_NEAR(static_cast<double>(slow) / static_cast<double>(plain), 2.0, 0.2);
  EXPECT_NEAR(static_cast<double>(fast) / static_cast<double>(plain), 0.5, 0.1);
}

TEST(FliteVoice, SpeaksCoarselyAtTheSameLengthAndLoudness) {
  const auto full = say(voice(), "We are open from nine to five.");
  const auto coarse = say(voice(), "We are open from nine to five.", FliteQuality::coarse);

  EXPECT_EQ(coarse.size(), full.size());
  EXPECT_NE(coarse, full);
  EXPECT_NEAR(loudness(coarse) / loudness(full), 1.0, 0.3);
  EXPECT_EQ(say(voice(), "We are open from nine to five."), full) << "it is for one text only";
}

TEST(FliteVoice, HasNothingToSpareWithDiphones) {
  const auto kal = voice(FliteVoiceName::kal16);

  EXPECT_EQ(say(kal, "Good morning.", FliteQuality::coarse), say(kal, "Good morning."));
}

TEST(FliteVoice, SpeaksSentencesOneAfterTheOther) {
  const auto with = voice();
  auto expected = say(with, "Good morning.");
  const auto second = say(with, "How are you?");
  expected.insert(expected.end(), second.begin(), second.end());

  EXPECT_EQ(say(with, "Good morning. How are you?"), expected);
}

TEST(FliteVoice, SaysNothingForTextWithoutWords) {
  const auto report = voice().synthesize(" ... \u4f60 !", [](auto) { return true; });

  ASSERT_TRUE(report);
  EXPECT_EQ(report->frames, 0U);
  EXPECT_EQ(report->sentences, 0U);
}

TEST(FliteVoice, TakesOddTextWithoutHarm) {
  const auto with = voice(FliteVoiceName::kal16);
  for (const std::string text :
       {"<speak>&amp;</speak>", "%s%n %d", "12345678901234567890123456789012345678901234567890",
        "\xff\xfe\x80 a", "a'b\"c`d$e^f~g", "((([[[{{{x", "1/2 3:45 $5.20 #7 @home", "'"}) {
    EXPECT_TRUE(with.synthesize(text, [](auto) { return true; })) << text;
  }
}

TEST(FliteVoice, SpeaksTheSameOnManyThreadsAtOnce) {
  const auto slt = voice();
  const auto kal = voice(FliteVoiceName::kal16, 1.5);
  const auto slt_expected = say(slt, "One moment. I will check.");
  const auto kal_expected = say(kal, "One moment. I will check.");
  std::array<Samples, 4> heard;
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < heard.size(); ++i)
      threads.emplace_back([&, i] {
        for (int round = 0; round < 3; ++round)
          heard[i] = say(i % 2 == 0 ? slt : kal, "One moment. I will check.");
      });
  }
  for (std::size_t i = 0; i < heard.size(); ++i)
    EXPECT_EQ(heard[i], i % 2 == 0 ? slt_expected : kal_expected) << i;
}

TEST(FliteVoice, RefusesRatesItCannotSpeakAt) {
  for (const double rate : {0.49, 2.01, 0.0, -1.0, std::nan("")}) {
    const auto made = FliteVoice::create(FliteVoiceName::slt, rate);
    ASSERT_FALSE(made) << rate;
    EXPECT_EQ(made.error().code, base::Code::bad_argument);
  }
  EXPECT_TRUE(FliteVoice::create(FliteVoiceName::slt, 0.5));
  EXPECT_TRUE(FliteVoice::create(FliteVoiceName::slt, 2.0));
}

TEST(FliteVoice, RefusesMoreTextThanOnePacketHolds) {
  const auto with = voice();
  const auto never = [](auto) { return false; };

  EXPECT_TRUE(with.synthesize(std::string(base::limits::kTextPacketBytes, 'a'), never));
  const auto over = with.synthesize(std::string(base::limits::kTextPacketBytes + 1, 'a'), never);

  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, base::Code::bad_argument);
}

}  // namespace
}  // namespace millrace::nodes
