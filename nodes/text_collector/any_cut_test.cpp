// Properties of the collector over every way to cut a text: nothing is lost, and the sentences are
// the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "millrace/base/utf8.hpp"
#include "millrace/testing/node_harness.hpp"
#include "nodes/text_collector/text_collector.hpp"

namespace millrace::nodes {
namespace {

using media::TextRole;
using testing::GivenParam;
using testing::NodeHarness;

struct Sample {
  const char* name;
  const char* text;
};

constexpr Sample kSamples[] = {
    {"abbreviations",
     "Dr. No met Mr. Bond, e.g. in the U.S. He paid 3.14 or 1,000.5 at 10.30 a.m. It was No. 5, "
     "approx. No more."},
    {"addresses",
     "See https://example.com/a?b=1.2 or mail a.b@c.org. Use Node.Js 1.2.3! Then wait... and go. "
     "Done"},
    {"names", "J. R. R. Tolkien wrote. \"Why?\" she asked. (Nobody knows.) \"So,\" he said. End."},
    {"mixed", "今日は。「はい！」元気ですか？Привет, мир. Как дела? ¿Qué tal? Été… Élan."},
    {"scripts", "कैसे हैं। ठीक॥ کیف حالك؟ شکریہ۔ Բարև։ ሰላም። សួស្តី។ ok"},
    {"thai", "สวัสดีครับผมชื่อสมชายและผมอยู่ที่กรุงเทพมหานครมานานแล้วครับ วันนี้อากาศดีมากเราไปเดินเล่นกัน"},
    {"long",
     "this is one long sentence without any stop, with a clause or two, and then more and more "
     "words that go on and on until nobody knows how it began; and still it goes on to the end"},
    {"unbroken",
     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
     "ééééééééééééééééééééééééééééééééééééééééééééééééééééééé"},
    {"lines", "A title\n\nA line\nthat goes on. The end.\n\n\nMore"},
    {"emoji", "Well 👩‍👧 done! 🎉 Really? 🎉🎉. Yes e\u0301a."},
};

/// What the collector makes of `text` that comes in `pieces`.
std::vector<std::string> collected(const std::vector<std::string>& pieces) {
  auto harness = NodeHarness::create(text_collector_type(), {.params = {{"max_chars", 64}}});
  EXPECT_TRUE(harness.has_value());
  for (const std::string& piece : pieces) (*harness)->push_text(0, piece, TextRole::sentence);
  (*harness)->end();
  EXPECT_TRUE((*harness)->failures().empty());
  EXPECT_TRUE((*harness)->out().back().last);
  return (*harness)->texts();
}

std::string without_spaces(std::string_view text) {
  std::string kept;
  while (!text.empty()) {
    const base::CodePoint here = base::decode_utf8(text);
    if (!base::is_space(here.value)) kept += text.substr(0, here.size_bytes);
    text.remove_prefix(here.size_bytes);
  }
  return kept;
}

void expect_the_same(const Sample& sample, const std::vector<std::string>& pieces,
                     const std::vector<std::string>& whole) {
  const std::vector<std::string> got = collected(pieces);
  ASSERT_EQ(got, whole) << sample.name << " in " << pieces.size() << " pieces, the first '"
                        << pieces.front() << "'";
}

TEST(AnyCut, LosesNothingAndGivesOnlyWholeCharacters) {
  for (const Sample& sample : kSamples) {
    std::string joined;
    for (const std::string& sentence : collected({sample.text})) {
      EXPECT_LE(sentence.size(), 64U) << sample.name;
      joined += sentence;
    }
    EXPECT_EQ(without_spaces(joined), without_spaces(sample.text)) << sample.name;
  }
}

TEST(AnyCut, InTwoGivesTheSameSentencesAlsoWithinACharacter) {
  for (const Sample& sample : kSamples) {
    const std::string text = sample.text;
    const auto whole = collected({text});
    for (std::size_t at = 1; at < text.size(); ++at)
      expect_the_same(sample, {text.substr(0, at), text.substr(at)}, whole);
  }
}

TEST(AnyCut, InPiecesOfAnySizeGivesTheSameSentences) {
  for (const Sample& sample : kSamples) {
    const std::string text = sample.text;
    const auto whole = collected({text});
    for (std::size_t size = 1; size < text.size(); ++size) {
      std::vector<std::string> pieces;
      for (std::size_t at = 0; at < text.size(); at += size)
        pieces.push_back(text.substr(at, size));
      expect_the_same(sample, pieces, whole);
    }
  }
}

TEST(AnyCut, AtRandomGivesTheSameSentences) {
  std::mt19937 random(7);
  for (const Sample& sample : kSamples) {
    const std::string text = sample.text;
    const auto whole = collected({text});
    for (int round = 0; round < 50; ++round) {
      std::vector<std::string> pieces;
      for (std::size_t at = 0; at < text.size();) {
        pieces.push_back(text.substr(at, 1 + random() % 12));
        at += pieces.back().size();
      }
      expect_the_same(sample, pieces, whole);
    }
  }
}

}  // namespace
}  // namespace millrace::nodes
