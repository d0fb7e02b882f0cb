#include "nodes/text_collector/piece_end.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "millrace/base/utf8.hpp"
#include "nodes/text_collector/marks.hpp"

namespace millrace::nodes {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Le;
using ::testing::SizeIs;

std::string clause(std::string_view text) {
  const std::size_t end = last_clause_end(text, text.size());
  return end == kNoSentenceEnd ? "" : std::string(text.substr(0, end));
}

std::vector<std::string> pieces(std::string_view text, std::size_t most) {
  std::vector<std::string> all;
  for (;;) {
    const std::size_t end = find_piece_end(text, true, most);
    if (end == kNoSentenceEnd) break;
    all.emplace_back(base::trimmed(text.substr(0, end)));
    text.remove_prefix(end);
  }
  if (!base::trimmed(text).empty()) all.emplace_back(base::trimmed(text));
  return all;
}

TEST(ClauseEnd, StandsBehindCommasSemicolonsColonsAndDashes) {
  EXPECT_EQ(clause("As far as I know, it is"), "As far as I know,");
  EXPECT_EQ(clause("One thing is sure; no"), "One thing is sure;");
  EXPECT_EQ(clause("Here is the answer: no"), "Here is the answer:");
  EXPECT_EQ(clause("It was not there—nobody"), "It was not there—");
  EXPECT_EQ(clause("First of all, and then, there"), "First of all, and then,");
}

TEST(ClauseEnd, IsNotWithinNumbersOrTimesAndNotAtTheEnd) {
  EXPECT_EQ(clause("About it 1,000 people at 10:30 o'clock"), "");
  EXPECT_EQ(clause("There are about 3,"), "");
  EXPECT_EQ(clause("There are about 3, "), "");
}

TEST(ClauseEnd, TakesClosingQuotesAlongAndSkipsWhatIsTooShort) {
  EXPECT_EQ(clause("\"That is what I know,\" he said"), "\"That is what I know,\"");
  EXPECT_EQ(clause("Well, I would"), "");
  EXPECT_EQ(clause("   Well, I would"), "");
}

TEST(ClauseEnd, KnowsTheCommasOfOtherScripts) {
  EXPECT_EQ(clause("今日は天気、とても"), "今日は天気、");
  EXPECT_EQ(clause("今天天气很好，我们"), "今天天气很好，");
  EXPECT_EQ(clause("مرحبا بكم، كيف"), "مرحبا بكم،");
}

TEST(ClauseEnd, IsTheLastOneWithinTheLimit) {
  const std::string text = "The first part, the second part, the third";
  EXPECT_EQ(last_clause_end(text, 32), 32U);
  EXPECT_EQ(last_clause_end(text, 31), 15U);
  EXPECT_EQ(last_clause_end(text, 14), kNoSentenceEnd);
}

TEST(PieceEnd, IsTheSentenceEndWhereTheSentenceIsShortEnough) {
  EXPECT_THAT(pieces("We are open. Come in, please. Bye", 64),
              ElementsAre("We are open.", "Come in, please.", "Bye"));
}

TEST(PieceEnd, CutsASentenceThatIsTooLongAtAClauseThenAtASpace) {
  const std::string first = "when the long day had come to its end,";
  const std::string second = " they all went home without one more word to anyone who was there";
  EXPECT_THAT(
      pieces(first + second + ".", 64),
      ElementsAre(first, "they all went home without one more word to anyone who was", "there."));
}

TEST(PieceEnd, CutsWithoutSpacesBetweenCharacters) {
  EXPECT_THAT(pieces(std::string(130, 'x'), 64), ElementsAre(SizeIs(64), SizeIs(64), SizeIs(2)));
  std::string cjk;
  for (int i = 0; i < 50; ++i) cjk += "字";
  EXPECT_THAT(pieces(cjk, 64), ElementsAre(SizeIs(63), SizeIs(63), SizeIs(24)));
}

TEST(PieceEnd, KeepsLettersAndTheirAccentsTogether) {
  std::string accented;
  for (int i = 0; i < 60; ++i) accented += "e\u0301";
  for (const std::string& piece : pieces(accented, 64)) {
    EXPECT_EQ(piece.front(), 'e');
    EXPECT_THAT(piece, SizeIs(Le(64U)));
  }
  std::string family;
  for (int i = 0; i < 12; ++i) family += "👩\u200D👧";
  for (const std::string& piece : pieces(family, 64)) EXPECT_EQ(piece.size() % 11, 0U) << piece;
  std::string hindi;
  for (int i = 0; i < 30; ++i) hindi += "कि";
  for (const std::string& piece : pieces(hindi, 64)) EXPECT_EQ(piece.size() % 6, 0U) << piece;
}

TEST(PieceEnd, HoldsForAnythingEvenForNoise) {
  std::string noise;
  std::uint32_t state = 1;
  for (int i = 0; i < 5000; ++i) {
    state = state * 1664525U + 1013904223U;
    noise += static_cast<char>(state >> 24);
  }
  EXPECT_THAT(pieces(noise, 64), Each(SizeIs(Le(64U))));
  EXPECT_THAT(pieces(std::string(500, ' ') + "x", 64),
              ElementsAre("", "", "", "", "", "", "", "x"));
  EXPECT_THAT(pieces(std::string(300, '.'), 64), Each(SizeIs(Le(64U))));
}

TEST(PieceEnd, IsUncertainWhileWhatDecidesMayStillCome) {
  const std::string stop = std::string(62, 'x') + ". ";
  EXPECT_EQ(find_piece_end(stop, false, 64), kNoSentenceEnd);
  EXPECT_EQ(find_piece_end(stop + "Yes", false, 64), 63U);
  EXPECT_EQ(find_piece_end(stop + "yes", false, 64), kNoSentenceEnd);
  EXPECT_EQ(find_piece_end(stop + std::string(65, 'y'), false, 64), 63U);  // the last space
}

TEST(CutCharacter, IsLeftOutOnlyWhileBytesOfItAreMissing) {
  EXPECT_EQ(without_cut_character("a\xC3"), "a");
  EXPECT_EQ(without_cut_character("a\xE3\x80"), "a");
  EXPECT_EQ(without_cut_character("a\xF0\x9F\x98"), "a");
  EXPECT_EQ(without_cut_character("aé"), "aé");
  EXPECT_EQ(without_cut_character("a。"), "a。");
  EXPECT_EQ(without_cut_character("\x80\x80"), "\x80\x80");
  EXPECT_EQ(without_cut_character(""), "");
}

}  // namespace
}  // namespace millrace::nodes
