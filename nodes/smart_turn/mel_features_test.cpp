#include "nodes/smart_turn/mel_features.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>
#include <vector>

#include "millrace/base/rng.hpp"

namespace millrace::nodes {
namespace {

constexpr std::size_t kFrames = MelFeatures::kFrames;
constexpr std::size_t kColumns = MelFeatures::kColumns;

std::vector<float> tone(double hz, std::size_t frames, double amplitude = 0.5) {
  std::vector<float> samples(frames);
  for (std::size_t i = 0; i < frames; ++i)
    samples[i] = static_cast<float>(
        amplitude * std::sin(2.0 * std::numbers::pi * hz * static_cast<double>(i) / 16'000.0));
  return samples;
}

/// The definition, in double precision and without a fast transform: one value of the power
/// spectrum's mel `mel` in column `column` of audio that is already normalised.
double mel_power(const std::vector<double>& audio, std::size_t mel, std::size_t column) {
  const auto to_mel = [](double hz) {
    return hz < 1000 ? 3 * hz / 200 : 15 + 27 * std::log(hz / 1000) / std::log(6.4);
  };
  const auto to_hz = [](double m) {
    return m < 15 ? 200 * m / 3 : 1000 * std::pow(6.4, (m - 15) / 27);
  };
  std::array<double, 3> edge;
  for (std::size_t i = 0; i < 3; ++i)
    edge[i] = to_hz(to_mel(8000) * static_cast<double>(mel + i) / 81);
  double sum = 0;
  for (int k = 0; k <= 200; ++k) {
    const double hz = 40.0 * k;
    const double weight =
        std::min((hz - edge[0]) / (edge[1] - edge[0]), (edge[2] - hz) / (edge[2] - edge[1]));
    if (weight <= 0) continue;
    std::complex<double> bin = 0;
    for (int i = 0; i < 400; ++i) {
      auto at = static_cast<std::ptrdiff_t>(column * 160) + i - 200;
      const auto last = static_cast<std::ptrdiff_t>(audio.size()) - 1;
      if (at < 0) at = -at;
      if (at > last) at = 2 * last - at;
      const double window = 0.5 - 0.5 * std::cos(2 * std::numbers::pi * i / 400);
      bin += audio[static_cast<std::size_t>(at)] * window *
             std::polar(1.0, -2 * std::numbers::pi * k * i / 400);
    }
    sum += std::norm(bin) * weight * 2 / (edge[2] - edge[0]);
  }
  return sum;
}

TEST(MelFeatures, FollowTheDefinitionAtTheEdgesAndInside) {
  base::Rng rng(7);
  std::vector<float> audio(kFrames);
  for (float& x : audio) x = static_cast<float>(rng.unit()) - 0.5F;
  MelFeatures features;

  const auto got = features.compute(audio);

  double mean = 0, variance = 0;
  for (const float x : audio) mean += x / static_cast<double>(kFrames);
  for (const float x : audio) variance += (x - mean) * (x - mean) / static_cast<double>(kFrames);
  std::vector<double> normal(kFrames);
  for (std::size_t i = 0; i < kFrames; ++i)
    normal[i] = (audio[i] - mean) / std::sqrt(variance + 1e-7);
  for (const std::size_t column : {std::size_t{0}, std::size_t{1}, std::size_t{400}, kColumns - 1})
    for (const std::size_t mel : {0U, 1U, 14U, 40U, 79U}) {
      const double expected = (std::log10(mel_power(normal, mel, column)) + 4) / 4;
      EXPECT_NEAR(got[mel * kColumns + column], expected, 1e-4) << mel << " at " << column;
    }
}

TEST(MelFeatures, PutATonesEnergyIntoItsMel) {
  MelFeatures features;
  std::size_t previous = 0;
  for (const double hz : {300.0, 1000.0, 3000.0, 7000.0}) {
    const auto got = features.compute(tone(hz, kFrames));

    std::size_t loudest = 0;
    for (std::size_t mel = 0; mel < MelFeatures::kMels; ++mel)
      if (got[mel * kColumns + 400] > got[loudest * kColumns + 400]) loudest = mel;
    EXPECT_GT(loudest, previous) << hz << " Hz";
    previous = loudest;
  }
}

TEST(MelFeatures, PadShortAudioWithSilenceInFront) {
  MelFeatures features;
  const auto short_tone = tone(1000.0, 4 * MelFeatures::kRateHz);
  std::vector<float> padded(kFrames - short_tone.size(), 0.0F);
  padded.insert(padded.end(), short_tone.begin(), short_tone.end());
  const auto expected_view = features.compute(padded);
  const std::vector<float> expected(expected_view.begin(), expected_view.end());

  const auto got = features.compute(short_tone);

  for (std::size_t i = 0; i < expected.size(); ++i) ASSERT_NEAR(got[i], expected[i], 1e-4) << i;
}

TEST(MelFeatures, SeeOnlyTheLastEightSeconds) {
  MelFeatures features;
  const auto last = tone(500.0, kFrames);
  const auto expected_view = features.compute(last);
  const std::vector<float> expected(expected_view.begin(), expected_view.end());
  std::vector<float> longer(kFrames, 0.9F);
  longer.insert(longer.end(), last.begin(), last.end());

  const auto got = features.compute(longer);

  EXPECT_TRUE(std::ranges::equal(got, expected));
}

TEST(MelFeatures, StayWithinEightyDecibelsOfTheLoudest) {
  MelFeatures features;

  const auto got = features.compute(tone(1000.0, kFrames));

  const auto [low, high] = std::ranges::minmax(got);
  EXPECT_NEAR(high - low, 2.0F, 1e-5);
}

TEST(MelFeatures, AreFiniteForSilenceAndNoAudio) {
  MelFeatures features;
  const auto finite = [](float x) { return std::isfinite(x); };

  EXPECT_TRUE(std::ranges::all_of(features.compute(std::vector<float>(kFrames, 0.0F)), finite));
  EXPECT_TRUE(std::ranges::all_of(features.compute({}), finite));
}

}  // namespace
}  // namespace millrace::nodes
