#include "millrace/media/resampler.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include "millrace/base/limits.hpp"
#include "millrace/base/rng.hpp"

namespace millrace::media {
namespace {

using enum ResampleQuality;
using Audio = std::vector<float>;

constexpr std::int32_t kRates[] = {8'000,  11'025, 12'000, 16'000, 22'050,
                                   24'000, 32'000, 44'100, 48'000};

Audio sine(double hz, std::int32_t rate_hz, std::size_t frames) {
  Audio out(frames);
  for (std::size_t i = 0; i < frames; ++i)
    out[i] = static_cast<float>(
        0.5 * std::sin(2.0 * std::numbers::pi * hz * static_cast<double>(i) / rate_hz));
  return out;
}

Audio noise(std::size_t samples, std::uint64_t seed) {
  base::Rng rng(seed);
  Audio out(samples);
  for (float& x : out) x = static_cast<float>(rng.unit() * 2.0 - 1.0);
  return out;
}

Resampler make(std::int32_t in, std::int32_t out, ResampleQuality quality,
               std::size_t channels = 1) {
  auto resampler = Resampler::create(in, out, quality, channels);
  EXPECT_TRUE(resampler) << resampler.error().text();
  return *std::move(resampler);
}

/// Everything in one call, and the end.
Audio convert_whole(Resampler& resampler, const Audio& in) {
  const std::size_t channels = resampler.channels();
  Audio out(resampler.max_output(in.size() / channels) * channels);
  const auto step = resampler.process(in, out);
  EXPECT_EQ(step.consumed * channels, in.size());
  EXPECT_EQ(step.produced * channels, out.size());
  Audio tail(resampler.flush_output() * channels);
  EXPECT_EQ(resampler.flush(tail) * channels, tail.size());
  out.insert(out.end(), tail.begin(), tail.end());
  return out;
}

/// Level in dB of what comes out for a sine of `hz`, away from both ends of the signal.
double level_db(const std::shared_ptr<const FilterBank>& bank, double hz) {
  auto resampler = Resampler::create(bank);
  const Audio in = sine(hz, bank->in_rate_hz(), static_cast<std::size_t>(bank->in_rate_hz()) / 5);
  const Audio out = convert_whole(*resampler, in);
  const std::size_t skip = out.size() / 4;
  double energy = 0.0;
  for (std::size_t i = skip; i < out.size() - skip; ++i) energy += double{out[i]} * out[i];
  const double mean = energy / static_cast<double>(out.size() - 2 * skip);
  return 10.0 * std::log10(mean / 0.125 + 1e-30);
}

/// Largest deviation from the ideal samples of the same sine, away from the ends, in dB below it.
double error_db(std::int32_t in_rate, std::int32_t out_rate, ResampleQuality quality, double hz) {
  auto resampler = make(in_rate, out_rate, quality);
  const Audio out =
      convert_whole(resampler, sine(hz, in_rate, static_cast<std::size_t>(in_rate) / 8));
  const Audio ideal = sine(hz, out_rate, out.size());
  double worst = 0.0;
  for (std::size_t i = out.size() / 4; i < out.size() * 3 / 4; ++i)
    worst = std::max(worst, std::abs(double{out[i]} - ideal[i]));
  return 20.0 * std::log10(worst / 0.5 + 1e-30);
}

TEST(Resampler, PutsEveryOutputAtItsOwnInstantForEveryPairOfRates) {
  for (const std::int32_t in : kRates)
    for (const std::int32_t out : kRates)
      EXPECT_LT(error_db(in, out, low, 1'000.0), -62.0) << in << " to " << out;
}

TEST(Resampler, ComesCloserToTheIdealWithHigherQuality) {
  for (const auto& [in, out] : {std::pair{48'000, 16'000}, {44'100, 16'000}, {16'000, 48'000}}) {
    EXPECT_LT(error_db(in, out, medium, 1'000.0), -80.0) << in << " to " << out;
    EXPECT_LT(error_db(in, out, high, 1'000.0), -100.0) << in << " to " << out;
  }
}

struct Promise {
  ResampleQuality quality;
  double flat_to_hz;
  double ripple_db;
  double stop_hz;
  double rejection_db;
  std::int64_t delay_us;
};

/// The table in resampler.hpp.
constexpr Promise kPromises[] = {{low, 6'400.0, 0.01, 8'500.0, 60.0, 979},
                                 {medium, 7'040.0, 0.001, 8'000.0, 80.0, 2'979},
                                 {high, 7'440.0, 0.001, 8'000.0, 100.0, 6'145}};

TEST(Resampler, RejectsWhatWouldFoldBackAsMuchAsPromised) {
  for (const Promise& promise : kPromises) {
    const auto bank = *FilterBank::create(48'000, 16'000, promise.quality);
    for (double hz = promise.stop_hz; hz < 24'000.0; hz += 103.0)
      ASSERT_LT(level_db(bank, hz), -promise.rejection_db) << name(promise.quality) << " " << hz;
  }
}

TEST(Resampler, PassesTheBandOfSpeechAsFlatAsPromised) {
  for (const Promise& promise : kPromises) {
    const auto bank = *FilterBank::create(48'000, 16'000, promise.quality);
    // A whole number of periods in the measured half, so that the sum is the level exactly.
    for (double hz = 20.0; hz <= promise.flat_to_hz; hz += 20.0 * 13)
      ASSERT_LT(std::abs(level_db(bank, hz)), promise.ripple_db)
          << name(promise.quality) << " " << hz;
  }
}

TEST(Resampler, RemovesTheImagesOfAnUpsampledVoice) {
  // A tone that fits the band, so that all that is wrong in the output is image and ripple.
  EXPECT_LT(error_db(8'000, 48'000, low, 3'100.0), -55.0);
  EXPECT_LT(error_db(8'000, 48'000, high, 3'100.0), -95.0);
}

TEST(Resampler, StatesItsDelay) {
  for (const Promise& promise : kPromises)
    EXPECT_EQ(make(48'000, 16'000, promise.quality).delay().count(), promise.delay_us);
  EXPECT_EQ(make(16'000, 16'000, high).delay().count(), 0);
}

TEST(Resampler, GivesEachOutputWithTheFirstInputThatAllowsIt) {
  auto resampler = make(48'000, 16'000, low);
  const Audio silence(1, 0.0F);
  Audio out(4);
  std::size_t frames_in = 0;
  for (std::size_t k = 0; k < 50; ++k) {
    std::size_t produced = 0;
    while (produced == 0) {
      produced = resampler.process(silence, out).produced;
      ++frames_in;
    }
    EXPECT_EQ(produced, 1U);
    EXPECT_EQ(frames_in, 3 * k + resampler.delay_frames() + 1);
  }
}

TEST(Resampler, GivesAnImpulseItsFullHeightWhereItStood) {
  auto resampler = make(16'000, 48'000, medium);
  Audio in(400, 0.0F);
  in[200] = 1.0F;

  const Audio out = convert_whole(resampler, in);

  EXPECT_EQ(std::max_element(out.begin(), out.end()) - out.begin(), 600);
}

/// FR-9: not one bit of the output depends on how input and output were cut.
TEST(Resampler, GivesTheSameBitsForEveryCut) {
  constexpr std::uint64_t kSeed = 9;
  base::Rng rng(kSeed);
  for (const auto& [in_rate, out_rate] : {std::pair{48'000, 16'000},
                                          {44'100, 16'000},
                                          {8'000, 48'000},
                                          {11'025, 48'000},
                                          {16'000, 16'000},
                                          {48'000, 11'025}}) {
    for (const std::size_t channels : {1U, 3U}) {
      auto resampler = make(in_rate, out_rate, low, channels);
      const Audio in = noise(5'000 * channels, kSeed);
      const Audio whole = convert_whole(resampler, in);
      for (int round = 0; round < 6; ++round) {
        resampler.reset();
        // Round 0: one frame in and room for one frame out at a time; later ones cut at random.
        const std::uint64_t in_cut = round == 0 ? 1 : rng.below(1'500) + 1;
        const std::uint64_t out_cut = round == 0 ? 1 : rng.below(900) + 1;
        Audio cut;
        Audio piece(900 * channels);
        std::size_t taken = 0;
        while (taken < in.size()) {
          const std::size_t give =
              std::min<std::size_t>((rng.below(in_cut) + 1) * channels, in.size() - taken);
          const std::size_t room = (rng.below(out_cut) + 1) * channels;
          const auto step =
              resampler.process(std::span(in).subspan(taken, give), std::span(piece).first(room));
          taken += step.consumed * channels;
          cut.insert(cut.end(), piece.begin(),
                     piece.begin() + static_cast<std::ptrdiff_t>(step.produced * channels));
        }
        while (const std::size_t frames =
                   resampler.flush(std::span(piece).first((rng.below(out_cut) + 1) * channels)))
          cut.insert(cut.end(), piece.begin(),
                     piece.begin() + static_cast<std::ptrdiff_t>(frames * channels));
        ASSERT_EQ(cut, whole) << in_rate << " to " << out_rate << ", " << channels
                              << " channels, round " << round << ", seed " << kSeed;
      }
    }
  }
}

TEST(Resampler, EndsWithAsManyFramesAsTheInputLasted) {
  for (const std::int32_t in_rate : kRates)
    for (const std::int32_t out_rate : kRates)
      for (const std::size_t frames : {0U, 1U, 7U, 1'000U}) {
        auto resampler = make(in_rate, out_rate, low);
        const std::size_t expected =
            (frames * static_cast<std::size_t>(out_rate) + static_cast<std::size_t>(in_rate) - 1) /
            static_cast<std::size_t>(in_rate);
        EXPECT_EQ(convert_whole(resampler, Audio(frames, 0.1F)).size(), expected)
            << in_rate << " to " << out_rate << ", " << frames;
      }
}

TEST(Resampler, TreatsChannelsAsIfEachWereAlone) {
  const Audio left = noise(3'000, 1);
  const Audio right = noise(3'000, 2);
  Audio both;
  for (std::size_t i = 0; i < left.size(); ++i) both.insert(both.end(), {left[i], right[i]});
  auto stereo = make(44'100, 16'000, medium, 2);
  auto mono = make(44'100, 16'000, medium);

  const Audio out = convert_whole(stereo, both);
  const Audio out_left = convert_whole(mono, left);
  mono.reset();
  const Audio out_right = convert_whole(mono, right);

  ASSERT_EQ(out.size(), 2 * out_left.size());
  for (std::size_t i = 0; i < out_left.size(); ++i) {
    ASSERT_EQ(out[2 * i], out_left[i]);
    ASSERT_EQ(out[2 * i + 1], out_right[i]);
  }
}

TEST(Resampler, KeepsTheInputItHasNoRoomToAnswer) {
  auto resampler = make(16'000, 48'000, low);
  const Audio in = noise(4'000, 3);

  const auto step = resampler.process(in, {});

  EXPECT_EQ(step.produced, 0U);
  EXPECT_LT(step.consumed, in.size());
  Audio out(resampler.max_output(in.size() - step.consumed));
  const auto rest = resampler.process(std::span(in).subspan(step.consumed), out);
  EXPECT_EQ(step.consumed + rest.consumed, in.size());
  EXPECT_EQ(rest.produced, out.size());
}

TEST(Resampler, CopiesWhenTheRatesAreEqual) {
  auto resampler = make(16'000, 16'000, high, 2);
  const Audio in = noise(2'000, 4);

  EXPECT_EQ(convert_whole(resampler, in), in);
}

TEST(Resampler, KeepsALevelExactlyAtEveryPhase) {
  auto resampler = make(44'100, 48'000, low);
  const Audio out = convert_whole(resampler, Audio(2'000, 0.5F));

  for (std::size_t i = 200; i < out.size() - 200; ++i) ASSERT_NEAR(out[i], 0.5F, 1e-6F) << i;
}

TEST(Resampler, ForgetsANanAfterTheLengthOfItsFilter) {
  auto resampler = make(48'000, 16'000, low);
  Audio in(1'000, 0.25F);
  in[300] = std::numeric_limits<float>::quiet_NaN();

  const Audio out = convert_whole(resampler, in);

  EXPECT_TRUE(std::isnan(out[100]));
  for (std::size_t k = (300 + resampler.bank().taps()) / 3 + 1; k < out.size(); ++k)
    ASSERT_FALSE(std::isnan(out[k])) << k;
}

TEST(Resampler, StartsAnewAfterReset) {
  auto resampler = make(48'000, 16'000, medium);
  const Audio first = convert_whole(resampler, noise(2'000, 5));

  resampler.reset();

  EXPECT_EQ(convert_whole(resampler, noise(2'000, 5)), first);
}

TEST(Resampler, SharesOneBankAmongStreams) {
  const auto bank = *FilterBank::create(48'000, 16'000, low);
  auto a = *Resampler::create(bank);
  auto b = *Resampler::create(bank);
  const Audio in = noise(1'000, 6);

  EXPECT_EQ(convert_whole(a, in), convert_whole(b, in));
  EXPECT_EQ(&a.bank(), &b.bank());
}

TEST(Resampler, RefusesRatesAndChannelsOutsideTheLimits) {
  for (const auto& [in, out, channels] : {std::tuple{7'999, 16'000, 1},
                                          {48'001, 16'000, 1},
                                          {16'000, 0, 1},
                                          {16'000, 96'000, 1},
                                          {48'000, 16'000, 0},
                                          {48'000, 16'000, base::limits::kMaxChannels + 1}}) {
    const auto resampler = Resampler::create(in, out, low, static_cast<std::size_t>(channels));
    ASSERT_FALSE(resampler) << in << " to " << out << ", " << channels;
    EXPECT_EQ(resampler.error().code, base::Code::bad_argument);
    EXPECT_THAT(resampler.error().message, testing::HasSubstr("expected"));
  }
  EXPECT_TRUE(Resampler::create(8'000, 48'000, low, base::limits::kMaxChannels));
}

TEST(FilterBank, RefusesRatiosWhoseTableWouldBeHuge) {
  const auto bank = FilterBank::create(47'999, 48'000, high);

  ASSERT_FALSE(bank);
  EXPECT_EQ(bank.error().code, base::Code::bad_argument);
  EXPECT_THAT(bank.error().message, testing::HasSubstr("47999 to 48000 Hz needs a table of"));
}

TEST(FilterBank, ReducesTheRatio) {
  const auto bank = *FilterBank::create(44'100, 16'000, low);

  EXPECT_EQ(bank->phases(), 160);
  EXPECT_EQ(bank->step(), 441);
  EXPECT_EQ(bank->taps() % 16, 0U);
}

TEST(ResampleQuality, IsFoundByItsName) {
  for (const auto quality : {low, medium, high})
    EXPECT_EQ(resample_quality(name(quality)), quality);
  EXPECT_EQ(resample_quality("best"), std::nullopt);
}

}  // namespace
}  // namespace millrace::media
