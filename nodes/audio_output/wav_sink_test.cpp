#include "nodes/audio_output/wav_sink.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace millrace::nodes {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::filesystem::path fresh_path() {
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  const std::filesystem::path path = std::filesystem::path{::testing::TempDir()} /
                                     (std::string{"wav_sink_"} + test->name() + ".wav");
  std::filesystem::remove(path);
  return path;
}

media::Packet audio(std::vector<float> samples, std::int32_t rate_hz, std::int16_t channels = 1) {
  media::Packet packet;
  packet.rate_hz = rate_hz;
  packet.channels = channels;
  packet.frames = static_cast<std::uint32_t>(samples.size() / static_cast<std::size_t>(channels));
  packet.payload = rt::Payload::copy_of(std::as_bytes(std::span{samples}));
  return packet;
}

std::vector<float> read_all(media::WavReader& reader) {
  std::vector<float> samples(64);
  const std::size_t frames = reader.read(samples);
  samples.resize(frames * static_cast<std::size_t>(reader.channels()));
  return samples;
}

TEST(WavSink, WritesBlocksOneBehindTheOther) {
  const std::filesystem::path path = fresh_path();
  WavSink sink{path};

  media::Packet later = audio({0.25F}, 24000);
  later.from = base::MediaTime{5'000'000};
  ASSERT_TRUE(sink.write(audio({0.5F, -0.5F}, 24000)).has_value());
  ASSERT_TRUE(sink.write(later).has_value());
  EXPECT_EQ(sink.frames(), 3U);
  ASSERT_TRUE(sink.close().has_value());

  auto reader = media::WavReader::open(path);
  ASSERT_TRUE(reader.has_value()) << reader.error().text();
  EXPECT_EQ(reader->rate_hz(), 24000);
  EXPECT_THAT(read_all(*reader), ElementsAre(0.5F, -0.5F, 0.25F));
}

TEST(WavSink, KeepsChannels) {
  const std::filesystem::path path = fresh_path();
  WavSink sink{path};
  ASSERT_TRUE(sink.write(audio({0.5F, -0.5F, 0.25F, 0.0F}, 8000, 2)).has_value());
  ASSERT_TRUE(sink.close().has_value());

  auto reader = media::WavReader::open(path);
  ASSERT_TRUE(reader.has_value());
  EXPECT_EQ(reader->channels(), 2);
  EXPECT_EQ(reader->frames(), 2U);
}

TEST(WavSink, RefusesAnotherFormatAndGoesOnWithTheFirst) {
  const std::filesystem::path path = fresh_path();
  WavSink sink{path};
  ASSERT_TRUE(sink.write(audio({0.5F}, 16000)).has_value());

  const auto rate = sink.write(audio({0.5F}, 8000));
  const auto channels = sink.write(audio({0.5F, 0.5F}, 16000, 2));

  ASSERT_FALSE(rate.has_value());
  EXPECT_EQ(rate.error().code, base::Code::bad_argument);
  EXPECT_EQ(rate.error().where, path.string());
  EXPECT_THAT(rate.error().message,
              HasSubstr("has 16000 Hz with 1 channel, a block came with 8000 Hz"));
  EXPECT_FALSE(channels.has_value());
  ASSERT_TRUE(sink.write(audio({0.25F}, 16000)).has_value());
  EXPECT_EQ(sink.frames(), 2U);
}

TEST(WavSink, RefusesWhatIsNoAudioOrLies) {
  WavSink sink{fresh_path()};
  media::Packet text;
  text.kind = media::PacketKind::text;
  media::Packet lying = audio({0.5F}, 16000);
  lying.frames = 2;

  EXPECT_THAT(sink.write(text).error().message, HasSubstr("kind text"));
  EXPECT_THAT(sink.write(lying).error().message, HasSubstr("other samples"));
  EXPECT_EQ(sink.frames(), 0U);
}

TEST(WavSink, LeavesAFileThatOpensWhenNoAudioCame) {
  const std::filesystem::path path = fresh_path();
  WavSink sink{path};
  ASSERT_TRUE(sink.write(audio({}, 16000)).has_value());
  EXPECT_FALSE(std::filesystem::exists(path));

  ASSERT_TRUE(sink.close().has_value());
  ASSERT_TRUE(sink.close().has_value()) << "closing twice is closing once";

  EXPECT_TRUE(std::filesystem::exists(path));
  EXPECT_FALSE(sink.write(audio({0.5F}, 16000)).has_value());
}

TEST(WavSink, SaysWhichFileCannotBeMade) {
  const std::filesystem::path path =
      std::filesystem::path{::testing::TempDir()} / "no" / "such.wav";
  WavSink sink{path};

  const auto written = sink.write(audio({0.5F}, 16000));

  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().code, base::Code::unavailable);
  EXPECT_THAT(written.error().text(), HasSubstr("such.wav"));
}

}  // namespace
}  // namespace millrace::nodes
