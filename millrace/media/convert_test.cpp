#include "millrace/media/convert.hpp"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

namespace millrace::media::convert {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

std::vector<std::byte> bytes(std::initializer_list<int> values) {
  std::vector<std::byte> out;
  for (const int value : values) out.push_back(static_cast<std::byte>(value));
  return out;
}

TEST(ConvertS16, EveryValueComesBackUnchangedThroughFloat) {
  std::vector<std::int16_t> all;
  for (int v = -32768; v <= 32767; ++v) all.push_back(static_cast<std::int16_t>(v));
  std::vector<float> floats(all.size());
  std::vector<std::int16_t> back(all.size());

  s16_to_f32(all, floats);
  f32_to_s16(floats, back);

  EXPECT_EQ(back, all);
  EXPECT_EQ(floats.front(), -1.0F);
  EXPECT_EQ(floats.back(), 32767.0F / 32768.0F);
}

TEST(ConvertS16, RoundsToNearestWithTiesToEven) {
  const auto at = [](float lsb) { return to_s16(lsb / 32768.0F); };

  EXPECT_EQ(at(0.49F), 0);
  EXPECT_EQ(at(0.5F), 0);
  EXPECT_EQ(at(1.5F), 2);
  EXPECT_EQ(at(2.5F), 2);
  EXPECT_EQ(at(-0.5F), 0);
  EXPECT_EQ(at(-1.5F), -2);
  EXPECT_EQ(at(-1.51F), -2);
}

TEST(ConvertS16, ClipsBothSidesAndSilencesNan) {
  EXPECT_EQ(to_s16(1.0F), 32767);
  EXPECT_EQ(to_s16(7.0F), 32767);
  EXPECT_EQ(to_s16(kInf), 32767);
  EXPECT_EQ(to_s16(-1.0F), -32768);
  EXPECT_EQ(to_s16(-1e30F), -32768);
  EXPECT_EQ(to_s16(-kInf), -32768);
  EXPECT_EQ(to_s16(kNan), 0);
}

TEST(ConvertS16, StopsAtTheShorterSide) {
  const std::array<float, 3> in{0.5F, 0.5F, 0.5F};
  std::array<std::int16_t, 2> out{};

  f32_to_s16(in, out);

  EXPECT_EQ(out[1], 16384);
}

TEST(Decode, Reads16BitLittleEndian) {
  std::array<float, 3> out{};

  EXPECT_EQ(decode(SampleFormat::s16, bytes({0x00, 0x40, 0x00, 0x80, 0xFF, 0x7F}), out), 3U);

  EXPECT_EQ(out[0], 0.5F);
  EXPECT_EQ(out[1], -1.0F);
  EXPECT_EQ(out[2], 32767.0F / 32768.0F);
}

TEST(Decode, Reads24BitLittleEndianWithItsSign) {
  std::array<float, 3> out{};

  EXPECT_EQ(
      decode(SampleFormat::s24, bytes({0x00, 0x00, 0x40, 0x00, 0x00, 0x80, 0xFF, 0xFF, 0xFF}), out),
      3U);

  EXPECT_EQ(out[0], 0.5F);
  EXPECT_EQ(out[1], -1.0F);
  EXPECT_EQ(out[2], -1.0F / 8388608.0F);
}

TEST(Decode, Reads32BitFloat) {
  std::array<float, 2> out{};

  EXPECT_EQ(decode(SampleFormat::f32, bytes({0x00, 0x00, 0x80, 0x3F, 0x00, 0x00, 0x80, 0xBE}), out),
            2U);

  EXPECT_EQ(out[0], 1.0F);
  EXPECT_EQ(out[1], -0.25F);
}

TEST(Decode, LeavesOutTheSampleThatIsNotWhole) {
  std::array<float, 4> out{};

  EXPECT_EQ(decode(SampleFormat::s16, bytes({0, 1, 2}), out), 1U);
  EXPECT_EQ(decode(SampleFormat::s24, bytes({0, 1}), out), 0U);
  EXPECT_EQ(decode(SampleFormat::f32, {}, out), 0U);
}

TEST(Encode, IsTheInverseOfDecodeFor16Bits) {
  const auto in = bytes({0x34, 0x12, 0xCD, 0xAB, 0x00, 0x80});
  std::array<float, 3> floats{};
  std::vector<std::byte> out(in.size());

  decode(SampleFormat::s16, in, floats);

  EXPECT_EQ(encode_s16(floats, out), 3U);
  EXPECT_EQ(out, in);
}

TEST(SampleFormat, IsFoundByItsName) {
  for (const auto format : {SampleFormat::s16, SampleFormat::s24, SampleFormat::f32})
    EXPECT_EQ(sample_format(name(format)), format);
  EXPECT_EQ(sample_format("u8"), std::nullopt);
}

TEST(Mixdown, IsTheMeanOfTheChannels) {
  const std::array<float, 4> stereo{1.0F, 0.0F, -0.5F, -0.25F};
  std::array<float, 2> mono{};

  EXPECT_EQ(mixdown(stereo, 2, mono), 2U);

  EXPECT_EQ(mono[0], 0.5F);
  EXPECT_EQ(mono[1], -0.375F);
}

TEST(Mixdown, WorksInPlace) {
  std::array<float, 6> samples{1.0F, 3.0F, 5.0F, 7.0F, 9.0F, 11.0F};

  mixdown(samples, 2, samples);

  EXPECT_EQ(samples[0], 2.0F);
  EXPECT_EQ(samples[1], 6.0F);
  EXPECT_EQ(samples[2], 10.0F);
}

TEST(Mixdown, OfNoChannelsIsNothing) {
  std::array<float, 2> mono{};

  EXPECT_EQ(mixdown(std::array<float, 2>{1.0F, 1.0F}, 0, mono), 0U);
}

TEST(Interleave, AndBackGivesThePlanesAgain) {
  const std::vector<float> planar{1, 2, 3, 10, 20, 30};
  std::vector<float> interleaved(6);
  std::vector<float> back(6);

  interleave(planar, 2, interleaved);
  deinterleave(interleaved, 2, back);

  EXPECT_EQ(interleaved, (std::vector<float>{1, 10, 2, 20, 3, 30}));
  EXPECT_EQ(back, planar);
}

TEST(Scrub, ReplacesWhatIsNotAudioAndCountsIt) {
  std::vector<float> samples{
      kNan,   -kNan, kInf,      -kInf, std::numeric_limits<float>::denorm_min(),
      1e-40F, 1e30F, -kNotAudio};

  EXPECT_EQ(scrub(samples), samples.size());

  EXPECT_EQ(samples, std::vector<float>(samples.size(), 0.0F));
}

TEST(Scrub, LeavesAudioAlone) {
  const std::vector<float> audio{0.0F,
                                 -0.0F,
                                 0.5F,
                                 -1.0F,
                                 32768.0F,
                                 std::nextafter(kNotAudio, 0.0F),
                                 std::numeric_limits<float>::min()};
  std::vector<float> samples = audio;

  EXPECT_EQ(scrub(samples), 0U);

  EXPECT_EQ(samples, audio);
  EXPECT_TRUE(std::signbit(samples[1]));
}

}  // namespace
}  // namespace millrace::media::convert
