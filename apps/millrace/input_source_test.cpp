#include "apps/millrace/input_source.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "apps/millrace/block_feed.hpp"
#include "apps/millrace/report.hpp"
#include "apps/millrace/run_options.hpp"
#include "millrace/media/wav.hpp"

namespace millrace::app {
namespace {

using base::MediaTime;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A pipeline that takes text, one that takes audio, and files for both.
class Input : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) /
              (std::string("millrace_input_") +
               ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder_);
    text_plan_ = example("read_aloud");
    audio_plan_ = example("plain_vad");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // shared: as load_plan() gives it
  static std::shared_ptr<const graph::Plan> example(const std::string& name) {
    auto plan = load_plan(std::string(MILLRACE_SOURCE_DIR) + "/examples/" + name + ".yaml");
    EXPECT_TRUE(plan.has_value());
    return plan.value_or(nullptr);
  }
  // shared: likewise
  std::shared_ptr<const graph::Plan> plan_of(const std::string& manifest) {
    auto plan = load_plan(write("p.yaml", manifest));
    EXPECT_TRUE(plan.has_value()) << plan.error().front().text();
    return plan.value_or(nullptr);
  }
  std::string write(const std::string& name, const std::string& content) {
    const auto path = (folder_ / name).string();
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }
  std::string wav(const std::string& name) {
    const auto path = (folder_ / name).string();
    auto file = media::WavWriter::create(path, 8'000, 1);
    EXPECT_TRUE(file && file->write(std::vector<float>(800, 0.1F)) && file->close());
    return path;
  }
  std::vector<std::string> texts(BlockFeed& feed) {
    std::vector<std::string> all;
    while (auto packet = feed.next(pool_)) all.emplace_back(packet->text());
    return all;
  }
  static nodes::FileOptions lines_of(MediaTime line) {
    nodes::FileOptions options;
    options.frame = line;
    return options;
  }

  std::filesystem::path folder_;
  // shared: as load_plan() gives them
  std::shared_ptr<const graph::Plan> text_plan_;
  std::shared_ptr<const graph::Plan> audio_plan_;  // shared: likewise
  rt::PayloadPool pool_;
};

constexpr MediaTime kFiveMs{5'000};

TEST_F(Input, GoesIntoTheSourceOfThePlanWhicheverKindItIs) {
  const auto text = input_stage(*text_plan_);
  const auto audio = input_stage(*audio_plan_);

  ASSERT_TRUE(text && audio);
  EXPECT_TRUE(takes_text(*text_plan_, *text));
  EXPECT_FALSE(takes_text(*audio_plan_, *audio));
}

TEST_F(Input, OfAPlanWithBothKindsOfSourceIsRefused) {
  const auto both = plan_of(R"(
version: v1
nodes:
  - {id: mic, type: audio_input}
  - {id: lines, type: text_input}
  - {id: out, type: audio_output}
  - {id: said, type: text_output}
edges:
  - {from: mic, to: out}
  - {from: lines, to: said}
)");

  const auto stage = input_stage(*both);

  ASSERT_FALSE(stage.has_value());
  EXPECT_EQ(stage.error().code, base::Code::bad_manifest);
  EXPECT_THAT(stage.error().text(), HasSubstr("not both"));
}

TEST_F(Input, OfTextIsPlayedLineByLineAndAgainWhereAskedTo) {
  const std::string path = write("a.txt", "One.\nTwo.\n");
  RunOptions options;
  options.loop = 2;
  const auto files = lines_of(kFiveMs);
  auto source = open_input(path, files, *text_plan_);
  ASSERT_TRUE(source.has_value()) << source.error().text();
  BlockFeed feed(std::move(*source), path, files, options, *text_plan_);

  EXPECT_THAT(texts(feed), ElementsAre("One.", "Two.", "One.", "Two."));
  EXPECT_EQ(feed.until(), MediaTime{20'000});
}

TEST_F(Input, OfTextIsDueAtTheEndOfEachLine) {
  const std::string path = write("a.txt", "One.\nTwo.\n");
  const auto files = lines_of(kFiveMs);
  auto source = open_input(path, files, *text_plan_);
  ASSERT_TRUE(source.has_value());
  BlockFeed lines(std::move(*source), path, files, {}, *text_plan_);
  VirtualFeed feed(lines, 0, pool_);

  for (int i = 1; i <= 2; ++i) {
    EXPECT_EQ(feed.due(), base::Instant{std::chrono::milliseconds(5 * i)});
    EXPECT_EQ(feed.take().packet.kind, media::PacketKind::text);
  }
  EXPECT_EQ(feed.take().packet.control_type, media::ControlType::end_of_input);
}

TEST_F(Input, OfTextMayBeSeveralFilesJoined) {
  const std::string path = write("a.txt", "One.\n") + "+" + write("b.txt", "Two.");
  const auto files = lines_of(kFiveMs);
  auto source = open_input(path, files, *text_plan_);
  ASSERT_TRUE(source.has_value());
  BlockFeed feed(std::move(*source), path, files, {}, *text_plan_);

  EXPECT_THAT(texts(feed), ElementsAre("One.", "Two."));
  EXPECT_TRUE(feed.warning().empty());
}

TEST_F(Input, KeepsLineEndsForASourceOfPieces) {
  const auto pieces = plan_of(R"(
version: v1
nodes:
  - {id: lines, type: text_input, params: {lines: pieces}}
  - {id: said, type: text_output}
edges:
  - {from: lines, to: said}
)");
  const std::string path = write("a.txt", "One\ntwo.");
  const auto files = lines_of(kFiveMs);
  auto source = open_input(path, files, *pieces);
  ASSERT_TRUE(source.has_value());
  BlockFeed feed(std::move(*source), path, files, {}, *pieces);

  EXPECT_THAT(texts(feed), ElementsAre("One\n", "two.\n"));
}

TEST_F(Input, OfTheOtherKindIsRefusedAndSaysWhatWasExpectedAndWhy) {
  const auto text = open_input(write("a.txt", "One.\n"), {}, *audio_plan_);
  const auto shouted = open_input(write("A.TXT", "One.\n"), {}, *audio_plan_);
  const auto audio = open_input(wav("a.wav"), lines_of(kFiveMs), *text_plan_);

  ASSERT_FALSE(text || shouted || audio);
  for (const auto& error : {text.error(), shouted.error(), audio.error()})
    EXPECT_EQ(error.code, base::Code::bad_peer_data);
  EXPECT_THAT(text.error().text(), HasSubstr("is text, expected a WAV file: 'mic'"));
  EXPECT_THAT(audio.error().text(),
              HasSubstr("is audio (WAV), expected UTF-8 text ('lines' of pipeline 'read-aloud'"));
}

TEST_F(Input, WithoutAHeaderMayHaveAnyName) {
  nodes::FileOptions raw;
  raw.raw = media::RawFormat{
      .format = media::convert::SampleFormat::s16, .rate_hz = 16'000, .channels = 1};

  EXPECT_TRUE(open_input(write("samples.txt", std::string(3200, '\1')), raw, *audio_plan_));
}

TEST_F(Input, OptionsOfTheOtherKindAreRefused) {
  RunOptions audio_options;
  audio_options.line_ms = 5.0;
  RunOptions frames;
  frames.frame_ms = 10.0;
  RunOptions raw;
  raw.raw_rate_hz = 8'000;
  RunOptions gap;
  gap.gap_ms = 10.0;

  EXPECT_THAT(file_options(audio_options, *audio_plan_).error().text(),
              HasSubstr("--line-ms: is for text, but 'mic'"));
  EXPECT_THAT(file_options(frames, *text_plan_).error().text(),
              HasSubstr("--frame-ms: is for audio, but 'lines'"));
  EXPECT_FALSE(file_options(raw, *text_plan_).has_value());
  EXPECT_FALSE(file_options(gap, *text_plan_).has_value());
}

TEST_F(Input, OfTextHasTheLinesOfThePipelineUnlessToldOtherwise) {
  RunOptions told;
  told.line_ms = 2.5;

  const auto own = file_options({}, *text_plan_);
  const auto other = file_options(told, *text_plan_);

  ASSERT_TRUE(own && other);
  EXPECT_EQ(own->frame, MediaTime{1'000'000});
  EXPECT_EQ(other->frame, MediaTime{2'500});
}

}  // namespace
}  // namespace millrace::app
