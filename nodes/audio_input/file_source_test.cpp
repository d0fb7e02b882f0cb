#include "nodes/audio_input/file_source.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

namespace millrace::nodes {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Path = std::filesystem::path;

Path path_of(const std::string& name) {
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  const Path folder = Path{::testing::TempDir()} / (std::string{"file_source_"} + test->name());
  std::filesystem::create_directories(folder);
  return folder / name;
}

/// A WAV file of `frames` frames, each sample `value`.
Path wav(const std::string& name, std::size_t frames, float value, std::int32_t rate_hz = 16000,
         std::int32_t channels = 1) {
  const Path path = path_of(name);
  auto writer = media::WavWriter::create(path, rate_hz, channels);
  EXPECT_TRUE(writer.has_value());
  const std::vector<float> samples(frames * static_cast<std::size_t>(channels), value);
  EXPECT_TRUE(writer->write(samples).has_value());
  EXPECT_TRUE(writer->close().has_value());
  return path;
}

std::vector<media::Packet> blocks_of(base::Result<FileSource>& source) {
  rt::PayloadPool pool;
  std::vector<media::Packet> blocks;
  EXPECT_TRUE(source.has_value()) << source.error().text();
  while (std::optional<media::Packet> block = source->next(pool))
    blocks.push_back(std::move(*block));
  EXPECT_FALSE(source->next(pool).has_value()) << "the end stays the end";
  return blocks;
}

std::vector<float> samples_of(const std::vector<media::Packet>& blocks) {
  std::vector<float> all;
  for (const media::Packet& block : blocks)
    all.insert(all.end(), block.samples().begin(), block.samples().end());
  return all;
}

TEST(FileSource, CutsAFileIntoBlocksWithExactMediaTimes) {
  auto source = FileSource::open(wav("a.wav", 700, 0.5F));

  EXPECT_EQ(source->rate_hz(), 16000);
  EXPECT_EQ(source->duration(), base::MediaTime{43'750});
  const auto blocks = blocks_of(source);

  ASSERT_THAT(blocks, SizeIs(3));
  EXPECT_EQ(blocks[0].frames, 320U);
  EXPECT_EQ(blocks[2].frames, 60U) << "the last block is what is left";
  EXPECT_EQ(blocks[2].from, base::MediaTime{40'000});
  EXPECT_EQ(blocks[2].to, base::MediaTime{43'750});
  EXPECT_THAT(samples_of(blocks), Each(0.5F));
  EXPECT_EQ(source->warning(), "");
}

TEST(FileSource, BlocksJoinWithoutGapOrDriftAtOddRatesAndLengths) {
  for (const std::int32_t rate_hz : {8000, 11025, 22050, 44100}) {
    for (const int frame_ms : {1, 10, 20, 31}) {
      auto source = FileSource::open(
          wav("odd.wav", 30'000, 0.5F, rate_hz),
          {.frame = base::MediaTime{frame_ms * 1000}, .raw = {}, .gap = base::MediaTime{0}});
      std::int64_t frame = 0;
      for (const media::Packet& block : blocks_of(source)) {
        EXPECT_EQ(block.from, base::media_time(frame, rate_hz));
        frame += block.frames;
        EXPECT_EQ(block.to, base::media_time(frame, rate_hz));
      }
      EXPECT_EQ(frame, 30'000) << rate_hz << " Hz, " << frame_ms << " ms";
    }
  }
}

TEST(FileSource, KeepsTheChannelsOfTheFile) {
  auto source = FileSource::open(wav("stereo.wav", 320, 0.25F, 16000, 2));
  const auto blocks = blocks_of(source);

  ASSERT_THAT(blocks, SizeIs(1));
  EXPECT_EQ(blocks[0].channels, 2);
  EXPECT_THAT(blocks[0].samples(), SizeIs(640));
}

TEST(FileSource, ReadsFilesWithoutAHeader) {
  const Path path = path_of("a.raw");
  std::ofstream{path, std::ios::binary}.write("\x00\x40\x00\xC0\x00\x20\x7f", 7);
  const FileOptions options{.frame = base::MediaTime{20'000},
                            .raw = media::RawFormat{media::convert::SampleFormat::s16, 8000, 1},
                            .gap = base::MediaTime{0}};

  auto source = FileSource::open(path, options);
  EXPECT_EQ(source->duration(), base::media_time(3, 8000));
  const auto blocks = blocks_of(source);

  EXPECT_THAT(samples_of(blocks), ElementsAre(0.5F, -0.5F, 0.25F));
  EXPECT_THAT(source->warning(), HasSubstr("no whole frame"));
}

TEST(FileSource, PutsSilenceBetweenJoinedFiles) {
  const std::vector<Path> paths{wav("a.wav", 100, 0.5F), wav("b.wav", 50, 0.25F)};

  auto source = FileSource::open_joined(
      paths, {.frame = base::MediaTime{5'000}, .raw = {}, .gap = base::MediaTime{20'000}});
  EXPECT_EQ(source->duration(), base::media_time(470, 16000));
  const auto blocks = blocks_of(source);

  std::vector<float> expected(100, 0.5F);
  expected.resize(420, 0.0F);
  expected.resize(470, 0.25F);
  EXPECT_EQ(samples_of(blocks), expected);
  EXPECT_EQ(blocks.back().to, base::media_time(470, 16000));
}

TEST(FileSource, MixesFilesThatOverlap) {
  const std::vector<Path> paths{wav("a.wav", 100, 0.5F), wav("b.wav", 100, 0.25F)};

  auto source = FileSource::open_joined(
      paths, {.frame = base::MediaTime{1'000}, .raw = {}, .gap = base::MediaTime{-2'500}});

  std::vector<float> expected(60, 0.5F);
  expected.resize(100, 0.75F);
  expected.resize(160, 0.25F);
  EXPECT_EQ(samples_of(blocks_of(source)), expected);
}

TEST(FileSource, TheSamplesDoNotDependOnTheBlockLength) {
  const std::vector<Path> paths{wav("a.wav", 1000, 0.5F), wav("b.wav", 700, 0.25F),
                                wav("c.wav", 300, 0.125F)};
  for (const int gap_us : {0, 33'000, -11'000}) {
    std::vector<std::vector<float>> all;
    for (const int frame_us : {1'000, 7'300, 31'000, 1'000'000}) {
      auto source = FileSource::open_joined(
          paths, {.frame = base::MediaTime{frame_us}, .raw = {}, .gap = base::MediaTime{gap_us}});
      all.push_back(samples_of(blocks_of(source)));
    }
    EXPECT_THAT(all, Each(all[0])) << "gap " << gap_us;
  }
}

TEST(FileSource, RefusesPartsOfDifferentFormatsAndNamesThem) {
  const std::vector<Path> paths{wav("a.wav", 10, 0.5F), wav("b.wav", 10, 0.5F, 8000)};
  const auto source = FileSource::open_joined(paths);

  ASSERT_FALSE(source.has_value());
  EXPECT_EQ(source.error().code, base::Code::bad_argument);
  EXPECT_EQ(source.error().where, paths[1].string());
  EXPECT_THAT(source.error().message, HasSubstr("has 8000 Hz with 1 channel, but"));
  EXPECT_THAT(source.error().message, HasSubstr("a.wav' before it has 16000 Hz"));

  const std::vector<Path> channels{paths[0], wav("c.wav", 10, 0.5F, 16000, 2)};
  EXPECT_FALSE(FileSource::open_joined(channels).has_value());
}

TEST(FileSource, RefusesAnOverlapLongerThanTheFileBeforeIt) {
  const std::vector<Path> paths{wav("a.wav", 160, 0.5F), wav("b.wav", 160, 0.5F)};
  const auto joined = [&](int gap_us) {
    return FileSource::open_joined(
        paths, {.frame = base::MediaTime{20'000}, .raw = {}, .gap = base::MediaTime{gap_us}});
  };

  EXPECT_TRUE(joined(-10'000).has_value());
  const auto source = joined(-11'000);

  ASSERT_FALSE(source.has_value());
  EXPECT_EQ(source.error().where, paths[0].string());
  EXPECT_THAT(source.error().message, HasSubstr("shorter (10 ms) than the overlap of 11 ms"));
}

TEST(FileSource, RefusesBlocksAndGapsOutOfRangeAndNoFilesAtAll) {
  const Path path = wav("a.wav", 10, 0.5F);
  const auto with = [&](std::int64_t frame_us, std::int64_t gap_us) {
    return FileSource::open(
        path, {.frame = base::MediaTime{frame_us}, .raw = {}, .gap = base::MediaTime{gap_us}});
  };

  EXPECT_TRUE(with(1'000, 0).has_value());
  EXPECT_TRUE(with(1'000'000, 3'600'000'000).has_value());
  EXPECT_EQ(with(999, 0).error().code, base::Code::bad_argument);
  EXPECT_FALSE(with(1'000'001, 0).has_value());
  EXPECT_FALSE(with(20'000, 3'600'000'001).has_value());
  EXPECT_FALSE(FileSource::open_joined({}).has_value());
}

TEST(FileSource, HandsOnWhatIsWrongWithAFile) {
  const Path missing = path_of("missing.wav");
  EXPECT_EQ(FileSource::open(missing).error().code, base::Code::unavailable);

  const Path text = path_of("text.wav");
  std::ofstream{text} << "this is no WAV file, whatever it is called";
  EXPECT_EQ(FileSource::open(text).error().code, base::Code::bad_peer_data);
  EXPECT_THAT(FileSource::open(text).error().where, HasSubstr("text.wav"));
}

TEST(FileSource, PlaysWhatIsThereOfATruncatedFileAndSaysSo) {
  const Path path = wav("cut.wav", 400, 0.5F);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 200);

  auto source = FileSource::open(path);

  EXPECT_THAT(samples_of(blocks_of(source)), SizeIs(300));
  EXPECT_THAT(source->warning(), HasSubstr("cut.wav: truncated"));
}

TEST(FileSource, AFileWithoutSamplesGivesNoBlock) {
  auto source = FileSource::open(wav("empty.wav", 0, 0.0F));

  EXPECT_THAT(blocks_of(source), IsEmpty());
}

TEST(SplitJoined, CutsAtPlusUnlessThereIsSuchAFile) {
  EXPECT_THAT(split_joined("a.wav"), ElementsAre(Path{"a.wav"}));
  EXPECT_THAT(split_joined("a.wav+b.wav"), ElementsAre(Path{"a.wav"}, Path{"b.wav"}));
  const Path odd = wav("c++.wav", 1, 0.0F);
  EXPECT_THAT(split_joined(odd.string()), ElementsAre(odd));
}

}  // namespace
}  // namespace millrace::nodes
