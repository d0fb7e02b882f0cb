#include "apps/millrace/bench/speculation_policy.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace millrace::app {
namespace {

using base::MediaTime;

constexpr MediaTime ms(std::int64_t n) {
  return MediaTime{n * 1000};
}

/// A turn of the labels from 1 to 3 s.
LabelledSpeech one_turn() {
  LabelledSpeech speech;
  speech.turns.push_back({ms(1000), ms(3000)});
  return speech;
}

/// A hand-made trace: windows of 32 ms that are speech from `from` to `to`, a breath left out.
TracedSpeech traced(MediaTime from, MediaTime to, MediaTime breath_from, MediaTime breath_to,
                    MediaTime length) {
  TracedSpeech file;
  file.speech.samples.resize(static_cast<std::size_t>(base::frame_at(length, 16'000)));
  file.speech.utterances.push_back({from, to});
  file.speech.turns.push_back({from, to});
  for (MediaTime at{0}; at + ms(32) <= length; at += ms(32)) {
    const bool speech = at >= from && at < to && (at < breath_from || at >= breath_to);
    const MediaTime end = at + ms(32);
    const auto block = static_cast<std::size_t>((end.count() + 19'999) / 20'000 - 1);
    file.trace.windows.push_back({at, end, speech ? 0.95F : 0.02F, block});
  }
  return file;
}

std::vector<TracedSpeech> with_a_breath() {
  std::vector<TracedSpeech> files;
  files.push_back(traced(ms(640), ms(2560), ms(1280), ms(1600), ms(5120)));
  files.push_back(traced(ms(640), ms(2560), ms(2560), ms(2560), ms(5120)));
  return files;
}

Verdicts never_asked() {
  return Verdicts([](std::span<const float>) -> std::optional<float> { return std::nullopt; });
}

TEST(TurnFile, CountsWhatAGuessThatStoodGained) {
  const GateEvent events[] = {{GateDeed::eager, ms(3220), ms(3000), 1, 1},
                              {GateDeed::ended, ms(3620), ms(3000), 1, 1}};

  const TurnFile file = turn_file(events, one_turn(), {.end_of_turn_ms = 600});

  EXPECT_EQ(file.eagers, 1U);
  EXPECT_EQ(file.withdrawn, 0U);
  EXPECT_EQ(file.ended, 1U);
  EXPECT_EQ(file.ended_early, 0U);
  EXPECT_EQ(file.gains_us, std::vector<double>{400'000.0});
  EXPECT_EQ(file.waits_us, std::vector<double>{620'000.0});
}

TEST(TurnFile, CountsAGuessThatSpeechTookBack) {
  const GateEvent events[] = {{GateDeed::eager, ms(2200), ms(2000), 1, 1},
                              {GateDeed::resumed, ms(2300), ms(2300), 1, 1},
                              {GateDeed::eager, ms(3200), ms(3000), 1, 2},
                              {GateDeed::ended, ms(3600), ms(3000), 1, 2}};

  const TurnFile file = turn_file(events, one_turn(), {});

  EXPECT_EQ(file.eagers, 2U);
  EXPECT_EQ(file.withdrawn, 1U);
  EXPECT_EQ(file.gains_us.size(), 1U);
}

TEST(TurnFile, CountsAnEndInsideOfATurnAsEarly) {
  const GateEvent events[] = {{GateDeed::ended, ms(2200), ms(2000), 1, 0}};

  const TurnFile file = turn_file(events, one_turn(), {});

  EXPECT_EQ(file.ended_early, 1U);
  EXPECT_TRUE(file.waits_us.empty());
  EXPECT_TRUE(file.gains_us.empty());
}

TEST(MeasureTurns, WithdrawsTheGuessOfABreathThatIsLongerThanTheSilenceItWaitsFor) {
  const auto files = with_a_breath();
  Verdicts verdicts = never_asked();

  const auto point =
      measure_turns({.eager_silence_ms = 100, .end_of_turn_ms = 600}, files, verdicts);

  ASSERT_TRUE(point) << point.error().message;
  const TurnFile all = point->sum();
  EXPECT_EQ(all.eagers, 3U);
  EXPECT_EQ(all.withdrawn, 1U);
  EXPECT_EQ(all.ended, 2U);
  EXPECT_NEAR(*point->cancelled_fraction(), 1.0 / 3.0, 1e-9);
  EXPECT_NEAR(*quantile(all.gains_us, 0.5), 500'000.0, 40'000.0);
  EXPECT_EQ(verdicts.computed(), 0U);
}

TEST(MeasureTurns, LeavesAloneABreathThatIsShorter) {
  const auto files = with_a_breath();
  Verdicts verdicts = never_asked();

  const auto point =
      measure_turns({.eager_silence_ms = 400, .end_of_turn_ms = 600}, files, verdicts);

  ASSERT_TRUE(point);
  EXPECT_EQ(point->sum().eagers, 2U);
  EXPECT_EQ(point->cancelled_fraction(), 0.0);
}

TEST(MeasureOnsets, FindsTheSpeculativeGateAheadOnTheSameDecisions) {
  const auto files = with_a_breath();

  const auto onsets = measure_onsets("hand-made", files);

  ASSERT_TRUE(onsets) << onsets.error().message;
  EXPECT_EQ(onsets->cancelled, 0U);
  EXPECT_EQ(onsets->utterances, 2U);
  ASSERT_EQ(onsets->gains_us.size(), 2U);
  EXPECT_GT(onsets->gains_us.front(), 50'000.0);
}

TurnPoint point_of(TurnSetting setting, std::uint64_t eagers, std::uint64_t withdrawn,
                   double gain) {
  return {.setting = setting,
          .files = {TurnFile{.eagers = eagers,
                             .withdrawn = withdrawn,
                             .gains_us = {gain},
                             .fixed_gains_us = {},
                             .waits_us = {}}}};
}

TEST(BestPoint, CancelsLeastOfThoseThatGainEnough) {
  const TurnPoint curve[] = {
      point_of({.end_of_turn_ms = 200}, 10, 3, 150'000.0),
      point_of({.end_of_turn_ms = 200, .negative_threshold = 0.1}, 10, 1, 120'000.0),
      point_of({.end_of_turn_ms = 200}, 10, 0, 50'000.0),
      point_of({.end_of_turn_ms = 600}, 10, 0, 500'000.0)};

  EXPECT_EQ(best_point(curve, 200, 100'000.0, false), &curve[1]);
  EXPECT_EQ(best_point(curve, 200, 100'000.0, true), &curve[0]);
  EXPECT_EQ(best_point(curve, 200, 400'000.0, false), nullptr);
}

TEST(TurnSettings, GuessBeforeTheTurnEndsAndHoldBothWaysOfHearingIt) {
  for (const bool quick : {false, true}) {
    const auto settings = turn_settings(quick);
    const auto with = std::count_if(settings.begin(), settings.end(),
                                    [](const TurnSetting& s) { return s.turn_model; });

    EXPECT_EQ(static_cast<std::size_t>(2 * with), settings.size());
    for (const TurnSetting& s : settings) EXPECT_LT(s.eager_silence_ms, s.end_of_turn_ms);
  }
}

TEST(TurnPoint, SaysNothingWithoutAGuess) {
  const TurnPoint point = point_of({}, 0, 0, 0.0);

  EXPECT_FALSE(point.cancelled_fraction());
  EXPECT_FALSE(point.cancelled_interval());
}

TEST(Verdicts, AsksTheModelOncePerStretchOfAFile) {
  int asked = 0;
  Verdicts verdicts([&](std::span<const float> samples) -> std::optional<float> {
    ++asked;
    return static_cast<float>(samples.size());
  });
  const std::vector<float> samples(100);

  EXPECT_EQ(verdicts.ask(0, samples, 10, 30), 20.0F);
  EXPECT_EQ(verdicts.ask(0, samples, 10, 30), 20.0F);
  EXPECT_EQ(verdicts.ask(1, samples, 10, 30), 20.0F);

  EXPECT_EQ(asked, 2);
  EXPECT_EQ(verdicts.computed(), 2U);
}

TEST(CutToSpeech, TakesSilenceOffBothEnds) {
  std::vector<float> samples(16'000, 0.0F);
  for (std::size_t i = 4'800; i < 8'000; ++i)
    samples[i] = 0.5F * std::sin(static_cast<float>(i) * 0.3F);

  const auto cut = cut_to_speech(samples);

  EXPECT_EQ(cut.size(), 3'200U + 2U * 320U);
  EXPECT_TRUE(cut_to_speech(std::vector<float>(16'000, 0.0F)).empty());
}

TEST(LabelledSpeech, IsTheSameForTheSameSeedAndKnowsItsTurns) {
  const std::vector<SpokenPrompt> prompts{{"a", std::vector<float>(16'000, 0.1F)},
                                          {"b", std::vector<float>(12'000, 0.1F)}};
  base::Rng first(7);
  base::Rng second(7);

  const LabelledSpeech one = make_labelled_speech(prompts, 3, first);
  const LabelledSpeech two = make_labelled_speech(prompts, 3, second);

  EXPECT_EQ(one.samples, two.samples);
  ASSERT_EQ(one.turns.size(), 3U);
  EXPECT_GE(one.utterances.size(), 3U);
  for (std::size_t i = 1; i < one.turns.size(); ++i)
    EXPECT_GE(one.turns[i].from - one.turns[i - 1].to, ms(1500));
}

TEST(SpokenPrompts, SayHowToGetThemWhenTheyAreNotThere) {
  const auto prompts = spoken_prompts("/nowhere");

  ASSERT_FALSE(prompts);
  EXPECT_EQ(prompts.error().code, base::Code::unavailable);
  EXPECT_NE(prompts.error().message.find("./dev setup demo"), std::string::npos);
}

}  // namespace
}  // namespace millrace::app
