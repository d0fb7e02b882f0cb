#include "nodes/text_input/text_source.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "millrace/base/text_limits.hpp"

namespace millrace::nodes {
namespace {

using base::Code;
using base::MediaTime;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace fs = std::filesystem;

/// Files in a folder of the test's own.
class TextFile : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(::testing::TempDir()) /
              ("millrace_text_"s + ::testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path write(const std::string& content, const std::string& name = "lines.txt") {
    const fs::path path = folder_ / name;
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }
  std::vector<media::Packet> packets(TextSource& source) {
    std::vector<media::Packet> all;
    while (auto packet = source.next(pool_)) all.push_back(std::move(*packet));
    return all;
  }
  std::vector<std::string> lines(const std::string& content, const TextOptions& options = {}) {
    auto source = TextSource::open(write(content), options);
    EXPECT_TRUE(source.has_value()) << source.error().text();
    std::vector<std::string> all;
    if (source)
      for (const media::Packet& packet : packets(*source)) all.emplace_back(packet.text());
    return all;
  }
  base::Error refused(const std::string& content) {
    const auto source = TextSource::open(write(content));
    EXPECT_FALSE(source.has_value());
    return source ? base::Error{} : source.error();
  }

  fs::path folder_;
  rt::PayloadPool pool_;
};

TEST_F(TextFile, GivesAPacketForEachLine) {
  EXPECT_THAT(lines("One.\nTwo.\n\nThree, ünd more.\n"),
              ElementsAre("One.", "Two.", "", "Three, ünd more."));
}

TEST_F(TextFile, TakesALastLineWithoutAnEnd) {
  EXPECT_THAT(lines("One.\nTwo."), ElementsAre("One.", "Two."));
}

TEST_F(TextFile, TakesLinesThatEndInCrLfAndSkipsAByteOrderMark) {
  EXPECT_THAT(lines("\xEF\xBB\xBFOne.\r\nTwo.\r\n"), ElementsAre("One.", "Two."));
}

TEST_F(TextFile, KeepsLineEndsWhereAskedToSoThatTheLinesJoinedAreTheFile) {
  EXPECT_THAT(lines("One\r\ntwo.\n\nEnd", {.line_ends = true}),
              ElementsAre("One\n", "two.\n", "\n", "End\n"));
}

TEST_F(TextFile, LineNIsDueAtNTimesTheLengthOfALine) {
  auto source = TextSource::open(write("a\nb\nc\n"), {.line = 5ms});
  ASSERT_TRUE(source.has_value());
  EXPECT_EQ(source->lines(), 3U);

  const auto all = packets(*source);

  ASSERT_EQ(all.size(), 3U);
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].kind, media::PacketKind::text);
    EXPECT_EQ(all[i].from, MediaTime{5'000} * static_cast<std::int64_t>(i));
    EXPECT_EQ(all[i].to, all[i].from + MediaTime{5'000});
    EXPECT_EQ(all[i].last, i == 2);
  }
}

TEST_F(TextFile, PlaysSeveralFilesOneBehindTheOther) {
  const std::vector<fs::path> both{write("a\nb", "1.txt"), write("c\n", "2.txt")};

  auto source = TextSource::open_joined(both, {.line = 1ms});

  ASSERT_TRUE(source.has_value());
  const auto all = packets(*source);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[1].text(), "b");
  EXPECT_FALSE(all[1].last);
  EXPECT_EQ(all[2].text(), "c");
  EXPECT_EQ(all[2].to, MediaTime{3'000});
  EXPECT_TRUE(source->warning().empty());
}

TEST_F(TextFile, NamesTheLineThatIsNotUtf8) {
  const base::Error error = refused("fine\nalso fine\nbad \xC3 here\n");

  EXPECT_EQ(error.code, Code::bad_peer_data);
  EXPECT_THAT(error.text(), HasSubstr("lines.txt:3: not UTF-8 at byte 5"));
}

TEST_F(TextFile, RefusesEveryIllFormedUtf8) {
  for (const char* bad : {"\xC0\xAF", "\xED\xA0\x80", "\xF5\x80\x80\x80", "\x80", "\xE3\x81"})
    EXPECT_THAT(refused("x"s + bad + "\n").text(), HasSubstr(":1: not UTF-8 at byte 2"));
}

TEST_F(TextFile, NamesTheLineWithANulByte) {
  EXPECT_THAT(refused("fine\nb\0d\n"s).text(), HasSubstr("lines.txt:2: a NUL byte at byte 2"));
  EXPECT_THAT(refused("\0\0\0"s).text(), HasSubstr("lines.txt:1: a NUL byte at byte 1"));
}

TEST_F(TextFile, RefusesFilesWithNothingInThem) {
  EXPECT_THAT(refused("").text(), HasSubstr("is empty, expected lines of text"));
  EXPECT_THAT(refused("\xEF\xBB\xBF").text(), HasSubstr("blank"));
  EXPECT_THAT(refused("\n \r\n\t\n").text(), HasSubstr("nothing but blank lines"));
}

TEST_F(TextFile, SaysWhatAFileIsThatIsNoText) {
  EXPECT_THAT(refused("RIFF\x24\0\0\0WAVEfmt "s).text(), HasSubstr("is audio (WAV), expected UTF"));
  EXPECT_THAT(refused("fLaC\0"s).text(), HasSubstr("FLAC"));
  EXPECT_THAT(refused("OggS\0"s).text(), HasSubstr("Ogg"));
  EXPECT_THAT(refused("ID3\x03\0"s).text(), HasSubstr("MP3"));
  EXPECT_THAT(refused("\xFF\xFEH\0i\0"s).text(), HasSubstr("is UTF-16, expected UTF-8"));
}

TEST_F(TextFile, RefusesADirectoryAndAFileThatIsNotThere) {
  const auto directory = TextSource::open(folder_);
  ASSERT_FALSE(directory.has_value());
  EXPECT_EQ(directory.error().code, Code::bad_peer_data);
  EXPECT_THAT(directory.error().text(), HasSubstr("is a directory"));

  const auto missing = TextSource::open(folder_ / "none.txt");
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, Code::unavailable);
  EXPECT_THAT(missing.error().text(), HasSubstr("none.txt: no such file"));
}

TEST_F(TextFile, TakesALineOfTheLimitAndRefusesOneOver) {
  using base::limits::kTextLineBytes;
  EXPECT_EQ(lines(std::string(kTextLineBytes - 1, 'a') + "\n")[0].size(), kTextLineBytes - 1);
  EXPECT_EQ(lines(std::string(kTextLineBytes, 'a') + "\r\n")[0].size(), kTextLineBytes);

  const base::Error error = refused("ok\n" + std::string(kTextLineBytes + 1, 'a'));
  EXPECT_THAT(error.text(),
              HasSubstr("lines.txt:2: a line of 32769 bytes, expected at most 32768"));
}

TEST_F(TextFile, TakesAFileOfTheLimitAndRefusesOneOver) {
  using base::limits::kTextFileBytes;
  std::string content;
  while (content.size() < kTextFileBytes) content += std::string(1023, 'a') + "\n";
  ASSERT_EQ(content.size(), kTextFileBytes);

  EXPECT_TRUE(TextSource::open(write(content.substr(1))).has_value());
  EXPECT_TRUE(TextSource::open(write(content)).has_value());
  EXPECT_THAT(refused(content + "a").text(), HasSubstr("at most 4194304 bytes"));
}

TEST_F(TextFile, RefusesLinesThatAreTooShortOrTooLongInTime) {
  const fs::path path = write("a\n");

  EXPECT_FALSE(TextSource::open(path, {.line = MediaTime{999}}).has_value());
  EXPECT_TRUE(TextSource::open(path, {.line = MediaTime{1'000}}).has_value());
  EXPECT_TRUE(TextSource::open(path, {.line = 60s}).has_value());
  EXPECT_FALSE(TextSource::open(path, {.line = MediaTime{60'000'001}}).has_value());
  EXPECT_FALSE(TextSource::open_joined({}).has_value());
}

}  // namespace
}  // namespace millrace::nodes
