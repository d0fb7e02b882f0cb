#include "millrace/media/raw.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <limits>
#include <vector>

#include "millrace/media/detail/wav_bytes_for_test.hpp"

namespace millrace::media {
namespace {

using convert::SampleFormat;
using detail::Scratch;
using detail::WavBytes;
using ::testing::HasSubstr;

TEST(RawReader, Reads16BitFramesOfTheGivenLayout) {
  const Scratch scratch;
  const auto path = scratch.put("a.raw", WavBytes().number(0xC0004000, 4).number(0x8000, 4).view());
  auto reader = RawReader::open(path, {SampleFormat::s16, 44'100, 2});
  ASSERT_TRUE(reader) << reader.error().text();
  std::vector<float> out(6, 9.0F);

  EXPECT_EQ(reader->read(out), 2U);

  EXPECT_EQ(reader->rate_hz(), 44'100);
  EXPECT_EQ(reader->channels(), 2);
  EXPECT_EQ(out, (std::vector<float>{0.5F, -0.5F, -1.0F, 0.0F, 9.0F, 9.0F}));
  EXPECT_EQ(reader->read(out), 0U);
  EXPECT_EQ(reader->warning(), "");
}

TEST(RawReader, ReadsMoreThanOneBufferFull) {
  const Scratch scratch;
  WavBytes bytes;
  for (std::uint32_t i = 0; i < 20'000; ++i) bytes.number(i, 2);
  auto reader = RawReader::open(scratch.put("a.raw", bytes.view()), {});
  ASSERT_TRUE(reader);
  std::vector<float> out(20'000);

  EXPECT_EQ(reader->read(out), 20'000U);

  EXPECT_EQ(out[19'999], 19'999.0F / 32'768.0F);
}

TEST(RawReader, SilencesFloatsThatAreNotAudio) {
  const Scratch scratch;
  WavBytes bytes;
  for (const float x : {0.25F, std::numeric_limits<float>::infinity()})
    bytes.number(std::bit_cast<std::uint32_t>(x), 4);
  auto reader = RawReader::open(scratch.put("a.raw", bytes.view()), {SampleFormat::f32, 16'000, 1});
  ASSERT_TRUE(reader);
  std::vector<float> out(2);

  EXPECT_EQ(reader->read(out), 2U);

  EXPECT_EQ(out, (std::vector<float>{0.25F, 0.0F}));
  EXPECT_THAT(reader->warning(), HasSubstr("1 samples are not audio"));
}

TEST(RawReader, LeavesOutTheLastFrameWhenItIsNotWhole) {
  const Scratch scratch;
  auto reader = RawReader::open(scratch.put("a.raw", WavBytes().text("abcde").view()),
                                {SampleFormat::s16, 16'000, 2});
  ASSERT_TRUE(reader);
  std::vector<float> out(8);

  EXPECT_EQ(reader->read(out), 1U);

  EXPECT_THAT(reader->warning(), HasSubstr("the last 1 bytes are no whole frame"));
}

TEST(RawReader, RefusesLayoutsOutsideTheLimits) {
  const Scratch scratch;
  const auto path = scratch.put("a.raw", WavBytes().text("abcd").view());

  for (const RawFormat format :
       {RawFormat{SampleFormat::s16, 0, 1}, RawFormat{SampleFormat::s16, 48'001, 1},
        RawFormat{SampleFormat::s16, 16'000, 0}, RawFormat{SampleFormat::s16, 16'000, 9}}) {
    const auto reader = RawReader::open(path, format);
    ASSERT_FALSE(reader);
    EXPECT_EQ(reader.error().code, base::Code::bad_argument);
    EXPECT_THAT(reader.error().text(), HasSubstr("expected"));
  }
}

TEST(RawReader, RefusesAnEmptyOrMissingFile) {
  const Scratch scratch;

  const auto empty = RawReader::open(scratch.put("a.raw", {}), {});
  const auto missing = RawReader::open(scratch.path("b.raw"), {});

  ASSERT_FALSE(empty);
  EXPECT_EQ(empty.error().code, base::Code::bad_peer_data);
  EXPECT_THAT(empty.error().text(), HasSubstr("a.raw: byte 0: file is empty"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, base::Code::unavailable);
}

}  // namespace
}  // namespace millrace::media
