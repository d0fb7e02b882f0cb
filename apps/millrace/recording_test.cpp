#include "apps/millrace/recording.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "apps/millrace/crc32.hpp"
#include "apps/millrace/recorder.hpp"

namespace millrace::app {
namespace {

using base::Instant;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kManifest =
    "version: v1\nnodes: [{id: mic, type: audio_input}, {id: out, type: audio_output}]\n"
    "edges: [{from: mic, to: out}]\n";

engine::InputPacket block(float first) {
  engine::InputPacket input;
  input.packet.kind = media::PacketKind::audio;
  input.packet.rate_hz = 8'000;
  input.packet.frames = 2;
  input.packet.to = base::MediaTime{250};
  const std::vector<float> samples{first, -0.5F};
  input.packet.payload = rt::Payload::copy_of(std::as_bytes(std::span(samples)));
  return input;
}

/// Bytes of a recording of one session with two blocks and two events.
std::string small_recording() {
  const std::string path = ::testing::TempDir() + "recording_test.rec";
  const ManifestText manifest{.name = "m.yaml", .text = kManifest, .variables = {{"A", "1"}}};
  auto recorder = Recorder::open(path, manifest, true);
  EXPECT_TRUE(recorder) << recorder.error().text();
  (*recorder)->session(1, "s1", "a.wav", Instant{milliseconds(20)});
  for (const float first : {0.25F, 0.75F})
    EXPECT_TRUE(
        (*recorder)->input(1, Instant{milliseconds(40)}, block(first), [] { return true; }));
  (*recorder)->event(1, R"({"event":"speech_started","t_us":1})");
  (*recorder)->event(1, R"({"event":"speech_ended","t_us":2})");
  (*recorder)->write();
  EXPECT_TRUE((*recorder)->close());
  std::ifstream file(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  std::filesystem::remove(path);
  return bytes;
}

/// The chunks of a recording that is whole: type and contents.
std::vector<std::pair<std::string, std::string>> chunks(std::string_view bytes) {
  std::vector<std::pair<std::string, std::string>> found;
  bytes.remove_prefix(kRecordMagic.size());
  while (bytes.size() >= kChunkHeaderBytes) {
    std::size_t size = 0;
    for (std::size_t i = 4; i-- > 0;) size = size << 8 | static_cast<unsigned char>(bytes[4 + i]);
    found.emplace_back(bytes.substr(0, 4), bytes.substr(kChunkHeaderBytes, size));
    bytes.remove_prefix(kChunkHeaderBytes + size);
  }
  return found;
}

TEST(Recording, ReadsBackWhatWasWritten) {
  const auto recording = parse_recording(small_recording(), "r");

  ASSERT_TRUE(recording) << recording.error().text();
  EXPECT_TRUE(recording->virtual_time);
  EXPECT_EQ(recording->manifest.name, "m.yaml");
  EXPECT_EQ(recording->manifest.text, kManifest);
  EXPECT_EQ(recording->manifest.variables.at("A"), "1");
  EXPECT_FALSE(recording->cut_at);
  ASSERT_EQ(recording->sessions.size(), 1U);
  const RecordedSession& session = recording->sessions.front();
  EXPECT_EQ(session.name, "s1");
  EXPECT_EQ(session.input, "a.wav");
  EXPECT_EQ(session.phase, Instant{milliseconds(20)});
  ASSERT_EQ(session.inputs.size(), 2U);
  EXPECT_EQ(session.inputs[0].due, Instant{milliseconds(40)});
  EXPECT_THAT(session.inputs[1].input.packet.samples(), ElementsAre(0.75F, -0.5F));
  EXPECT_EQ(session.events.size(), 2U);
}

TEST(Recording, RecordsNothingThatWasNotTaken) {
  const std::string path = ::testing::TempDir() + "recording_refused.rec";
  auto recorder =
      Recorder::open(path, {.name = "m.yaml", .text = kManifest, .variables = {}}, true);
  ASSERT_TRUE(recorder);
  (*recorder)->session(1, "s1", "a.wav", Instant{});
  EXPECT_FALSE((*recorder)->input(1, Instant{}, block(1), [] { return false; }));
  ASSERT_TRUE((*recorder)->close());

  const auto recording = read_recording(path);
  std::filesystem::remove(path);
  ASSERT_TRUE(recording);
  EXPECT_TRUE(recording->sessions.front().inputs.empty());
}

TEST(Recording, IsReadUpToItsLastWholeChunkWhereverItIsCutOff) {
  const std::string whole = small_recording();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto recording = parse_recording(std::string_view(whole).substr(0, size), "r");
    if (recording) {
      EXPECT_TRUE(recording->cut_at) << size;
    } else {
      EXPECT_THAT(recording.error().text(), HasSubstr("expected")) << size;
    }
  }
}

TEST(Recording, FindsEveryByteThatWasChanged) {
  const std::string whole = small_recording();
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x20);
    const auto recording = parse_recording(damaged, "r");
    EXPECT_FALSE(recording) << "byte " << i;
  }
}

TEST(Recording, SurvivesEveryByteOfAnAuthorWhoLies) {
  // With checksums that fit, so that the lie comes as far as what reads it.
  const auto parts = chunks(small_recording());
  ASSERT_GT(parts.size(), 3U);
  for (std::size_t k = 0; k < parts.size(); ++k) {
    for (std::size_t i = 0; i < parts[k].second.size(); ++i) {
      for (const int flip : {0x01, 0x7F, 0x80, 0xFF}) {
        std::string lying(kRecordMagic);
        for (std::size_t p = 0; p < parts.size(); ++p) {
          std::string contents = parts[p].second;
          if (p == k) contents[i] = static_cast<char>(contents[i] ^ flip);
          lying += chunk(parts[p].first, contents);
        }
        const auto recording = parse_recording(lying, "r");
        if (recording) continue;
        EXPECT_THAT(recording.error().text(), HasSubstr("byte"));
      }
    }
  }
}

TEST(Recording, SaysWhatItFoundInsteadOfOne) {
  EXPECT_THAT(parse_recording("RIFF....WAVE", "a.wav").error().text(), HasSubstr("expected"));
  EXPECT_THAT(parse_recording("", "empty").error().text(), HasSubstr("expected"));
  EXPECT_THAT(read_recording(::testing::TempDir()).error().text(), HasSubstr("folder"));
  std::string huge(kRecordMagic);
  huge += chunk(kHeadChunk, std::string(kMaxChunkBytes + 1, 'x'));
  EXPECT_THAT(parse_recording(huge, "huge").error().text(), HasSubstr("at most"));
}

TEST(Crc, IsThatOfTheStandardsExample) {
  EXPECT_EQ(crc32("123456789"), 0xCBF43926U);
}

}  // namespace
}  // namespace millrace::app
