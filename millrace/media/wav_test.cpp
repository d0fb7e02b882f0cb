#include "millrace/media/wav.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "millrace/base/limits.hpp"
#include "millrace/media/detail/wav_bytes_for_test.hpp"

namespace millrace::media {
namespace {

using detail::Scratch;
using detail::WavBytes;
using ::testing::AllOf;
using ::testing::HasSubstr;

std::vector<float> read_all(WavReader& reader, std::size_t frames_a_call = 100) {
  std::vector<float> all;
  std::vector<float> piece(frames_a_call * static_cast<std::size_t>(reader.channels()));
  while (const std::size_t frames = reader.read(piece))
    all.insert(all.end(), piece.begin(),
               piece.begin() + static_cast<std::ptrdiff_t>(
                                   frames * static_cast<std::size_t>(reader.channels())));
  return all;
}

std::vector<float> ramp(std::size_t samples) {
  std::vector<float> out(samples);
  for (std::size_t i = 0; i < samples; ++i)
    out[i] = static_cast<float>(static_cast<int>(i % 65'536) - 32'768) / 32'768.0F;
  return out;
}

TEST(Wav, WhatIsWrittenIsRead) {
  const Scratch scratch;
  const auto audio = ramp(70'000);
  {
    auto writer = WavWriter::create(scratch.path("a.wav"), 22'050, 2);
    ASSERT_TRUE(writer) << writer.error().text();
    ASSERT_TRUE(writer->write(audio));
    EXPECT_EQ(writer->frames(), 35'000U);
    ASSERT_TRUE(writer->close());
  }

  auto reader = WavReader::open(scratch.path("a.wav"));

  ASSERT_TRUE(reader) << reader.error().text();
  EXPECT_EQ(reader->rate_hz(), 22'050);
  EXPECT_EQ(reader->channels(), 2);
  EXPECT_EQ(reader->format(), convert::SampleFormat::s16);
  EXPECT_EQ(reader->frames(), 35'000U);
  EXPECT_EQ(read_all(*reader, 333), audio);
  EXPECT_FALSE(reader->truncated());
  EXPECT_EQ(reader->warning(), "");
}

TEST(WavReader, StopsBeforeTheChunksBehindTheSamples) {
  const Scratch scratch;
  const auto path = scratch.put(
      "a.wav", WavBytes().riff(52).fmt().data(4).number(0x40004000, 4).chunk("LIST", "xx").view());

  auto reader = WavReader::open(path);

  ASSERT_TRUE(reader);
  EXPECT_EQ(read_all(*reader), (std::vector<float>{0.5F, 0.5F}));
  EXPECT_FALSE(reader->truncated());
}

TEST(WavReader, PlaysWhatATruncatedFileHoldsAndSaysSo) {
  const Scratch scratch;
  const auto path =
      scratch.put("a.wav", WavBytes().riff().fmt().data(1000).number(0x40004000, 4).view());

  auto reader = WavReader::open(path);

  ASSERT_TRUE(reader);
  ASSERT_TRUE(reader->truncated());
  EXPECT_EQ(reader->truncated()->declared_frames, 500U);
  EXPECT_EQ(reader->truncated()->present_frames, 2U);
  EXPECT_EQ(reader->frames(), 2U);
  EXPECT_THAT(reader->warning(), AllOf(HasSubstr("promises 500"), HasSubstr("holds 2")));
  EXPECT_EQ(read_all(*reader).size(), 2U);
}

TEST(WavReader, ReadsAStreamedFileToItsEnd) {
  const Scratch scratch;
  const auto path = scratch.put("a.wav", WavBytes()
                                             .riff(WavBytes::kStreamed)
                                             .fmt()
                                             .data(WavBytes::kStreamed)
                                             .number(0x40004000, 4)
                                             .number(0x12, 1)
                                             .view());

  auto reader = WavReader::open(path);

  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->frames(), 2U);
  EXPECT_EQ(read_all(*reader), (std::vector<float>{0.5F, 0.5F}));
  EXPECT_FALSE(reader->truncated());
}

TEST(WavReader, TellsOfHalfAFrameAtTheEnd) {
  const Scratch scratch;
  const auto counted = WavReader::open(scratch.put(
      "a.wav", WavBytes().riff().fmt().data(5).number(0x40004000, 4).number(0x12, 1).view()));
  const auto streamed = WavReader::open(scratch.put("b.wav", WavBytes()
                                                                 .riff(WavBytes::kStreamed)
                                                                 .fmt()
                                                                 .data(WavBytes::kStreamed)
                                                                 .number(0x40004000, 4)
                                                                 .number(0x12, 1)
                                                                 .view()));

  ASSERT_TRUE(counted);
  EXPECT_EQ(counted->frames(), 2U);
  EXPECT_EQ(counted->warning(),
            "the last 1 bytes of its samples are no whole frame (2 bytes) and were left out");
  ASSERT_TRUE(streamed);
  EXPECT_EQ(streamed->warning(), counted->warning());
}

TEST(WavReader, TakesAFileWithoutSamples) {
  const Scratch scratch;

  auto reader = WavReader::open(scratch.put("a.wav", WavBytes().riff().fmt().data(0).view()));

  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->frames(), 0U);
  EXPECT_TRUE(read_all(*reader).empty());
}

TEST(WavReader, SilencesFloatsThatAreNotAudioAndCountsThem) {
  const Scratch scratch;
  WavBytes bytes;
  bytes.riff().fmt({.tag = 3, .bits = 32, .align = 4}).data(16);
  for (const float x : {0.25F, std::numeric_limits<float>::quiet_NaN(), 1e-42F, -0.5F})
    bytes.number(std::bit_cast<std::uint32_t>(x), 4);

  auto reader = WavReader::open(scratch.put("a.wav", bytes.view()));

  ASSERT_TRUE(reader);
  EXPECT_EQ(read_all(*reader), (std::vector<float>{0.25F, 0.0F, 0.0F, -0.5F}));
  EXPECT_EQ(reader->scrubbed(), 2U);
  EXPECT_THAT(reader->warning(), HasSubstr("2 samples are not audio"));
}

TEST(WavReader, NamesTheFileThatIsNotThere) {
  const Scratch scratch;

  const auto missing = WavReader::open(scratch.path("nowhere.wav"));
  const auto folder = WavReader::open(scratch.path(""));

  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, base::Code::unavailable);
  EXPECT_THAT(missing.error().text(), AllOf(HasSubstr("nowhere.wav"), HasSubstr("no such file")));
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().code, base::Code::bad_peer_data);
  EXPECT_THAT(folder.error().message, HasSubstr("directory"));
}

TEST(WavReader, NamesTheFileAndTheByteOfABadHeader) {
  const Scratch scratch;

  const auto reader = WavReader::open(scratch.put("b.wav", WavBytes().text("hello").view()));

  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().code, base::Code::bad_peer_data);
  EXPECT_THAT(reader.error().text(), HasSubstr("b.wav: byte 0: starts with 'hell'"));
}

TEST(WavReader, HoldsTheLimitOfTheFileSize) {
  const Scratch scratch;
  const auto path = scratch.put("a.wav", WavBytes().riff().fmt().data(0xFFFFFFFF).view());
  const auto most = static_cast<std::uintmax_t>(base::limits::kMaxAudioFileBytes);
  std::error_code error;
  std::filesystem::resize_file(path, most, error);
  if (error) GTEST_SKIP() << "no sparse file of 4 GiB here: " << error.message();

  const auto at_limit = WavReader::open(path);
  std::filesystem::resize_file(path, most + 1, error);
  const auto over = WavReader::open(path);

  EXPECT_TRUE(at_limit);
  ASSERT_FALSE(over);
  EXPECT_THAT(over.error().message, HasSubstr("expected at most 4294967296"));
}

TEST(WavReader, GivesNothingIntoRoomForLessThanAFrame) {
  const Scratch scratch;
  const auto path = scratch.put(
      "a.wav",
      WavBytes().riff().fmt({.channels = 2, .align = 4}).data(4).number(0x40004000, 4).view());
  auto reader = WavReader::open(path);
  ASSERT_TRUE(reader);
  std::vector<float> one(1);

  EXPECT_EQ(reader->read(one), 0U);
  EXPECT_EQ(read_all(*reader).size(), 2U);
}

TEST(WavWriter, LeavesAFileThatPlaysAtEveryMoment) {
  const Scratch scratch;
  const auto path = scratch.path("a.wav");
  auto writer = WavWriter::create(path, 8'000, 1);
  ASSERT_TRUE(writer);
  const auto frames_on_disk = [&] {
    const auto reader = WavReader::open(path);
    return reader ? reader->frames() : std::nullopt;
  };
  EXPECT_EQ(frames_on_disk(), 0U);

  ASSERT_TRUE(writer->write(ramp(8'000)));
  EXPECT_EQ(frames_on_disk(), 8'000U) << "a second of audio is synced without being asked for";

  ASSERT_TRUE(writer->write(ramp(10)));
  ASSERT_TRUE(writer->sync());
  EXPECT_EQ(frames_on_disk(), 8'010U);

  ASSERT_TRUE(writer->write(ramp(5)));
  {
    const WavWriter gone = *std::move(writer);
  }
  EXPECT_EQ(frames_on_disk(), 8'015U) << "the destructor finishes the file";
}

TEST(WavWriter, ClosesTwiceButDoesNotWriteAfterIt) {
  const Scratch scratch;
  auto writer = WavWriter::create(scratch.path("a.wav"), 8'000, 1);
  ASSERT_TRUE(writer);

  EXPECT_TRUE(writer->close());
  EXPECT_TRUE(writer->close());
  EXPECT_TRUE(writer->sync());

  const auto late = writer->write(ramp(2));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, base::Code::bad_argument);
}

TEST(WavWriter, RefusesWhatNoWavOfOursHolds) {
  const Scratch scratch;

  for (const auto& [rate, channels] :
       {std::pair{7'999, 1}, {48'001, 1}, {16'000, 0}, {16'000, 9}}) {
    const auto writer = WavWriter::create(scratch.path("a.wav"), rate, channels);
    ASSERT_FALSE(writer) << rate << " Hz, " << channels;
    EXPECT_EQ(writer.error().code, base::Code::bad_argument);
    EXPECT_THAT(writer.error().text(), AllOf(HasSubstr("a.wav"), HasSubstr("expected")));
  }
  EXPECT_FALSE(std::filesystem::exists(scratch.path("a.wav")));
}

TEST(WavWriter, RefusesHalfAFrame) {
  const Scratch scratch;
  auto writer = WavWriter::create(scratch.path("a.wav"), 16'000, 2);
  ASSERT_TRUE(writer);

  const auto half = writer->write(ramp(3));

  ASSERT_FALSE(half);
  EXPECT_THAT(half.error().message, HasSubstr("expected whole frames of 2"));
  EXPECT_TRUE(writer->write(ramp(4))) << "nothing of the refused block went in";
  EXPECT_EQ(writer->frames(), 2U);
}

TEST(WavWriter, SaysWhyAFileCannotBeMade) {
  const Scratch scratch;

  const auto writer = WavWriter::create(scratch.path("no/such/folder.wav"), 16'000, 1);

  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error().code, base::Code::unavailable);
  EXPECT_THAT(writer.error().text(),
              AllOf(HasSubstr("folder.wav"), HasSubstr("No such file or directory")));
}

TEST(WavWriter, ReportsAFullDisk) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no device that is always full";

  const auto writer = WavWriter::create("/dev/full", 16'000, 1);

  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error().code, base::Code::unavailable);
  EXPECT_THAT(writer.error().text(), AllOf(HasSubstr("/dev/full"), HasSubstr("No space left")));
}

}  // namespace
}  // namespace millrace::media
