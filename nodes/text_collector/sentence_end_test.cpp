#include "nodes/text_collector/sentence_end.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "millrace/base/utf8.hpp"

namespace millrace::nodes {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> sentences;
  for (;;) {
    const std::size_t end = find_sentence_end(text, true);
    if (end == kNoSentenceEnd) break;
    sentences.emplace_back(base::trimmed(text.substr(0, end)));
    text.remove_prefix(end);
  }
  if (const std::string_view rest = base::trimmed(text); !rest.empty())
    sentences.emplace_back(rest);
  return sentences;
}

TEST(SentenceEnd, StandsBehindFullStopsQuestionsAndExclamations) {
  EXPECT_THAT(split("We are open. Are you? Good! Bye"),
              ElementsAre("We are open.", "Are you?", "Good!", "Bye"));
}

TEST(SentenceEnd, IsNotBehindTitlesAndLatinAbbreviations) {
  EXPECT_THAT(split("Mr. Smith met Dr. Jones, e.g. Bob vs. Carl. They left."),
              ElementsAre("Mr. Smith met Dr. Jones, e.g. Bob vs. Carl.", "They left."));
}

TEST(SentenceEnd, IsBehindAnAcronymOnlyWhenAUsualFirstWordFollows) {
  EXPECT_THAT(split("The U.S. Army came. He lives in the U.S. The army left."),
              ElementsAre("The U.S. Army came.", "He lives in the U.S.", "The army left."));
  EXPECT_THAT(
      split("We open at 9 a.m. Please come. J. S. Bach. Acme Inc. Sales rose."),
      ElementsAre("We open at 9 a.m.", "Please come.", "J. S. Bach.", "Acme Inc. Sales rose."));
}

TEST(SentenceEnd, IsNotWithinNumbersAddressesOrLists) {
  EXPECT_THAT(split("Pi is 3.14 or so. See example.com for v1.2.3. 1. Eggs 2 pieces. No. 5 won."),
              ElementsAre("Pi is 3.14 or so.", "See example.com for v1.2.3.", "1. Eggs 2 pieces.",
                          "No. 5 won."));
  EXPECT_THAT(split("She said no. He counted to 3. Then he left."),
              ElementsAre("She said no.", "He counted to 3.", "Then he left."));
}

TEST(SentenceEnd, IsBehindAnEllipsisOnlyWhenACapitalFollows) {
  EXPECT_THAT(split("Well... maybe. Wait... What? So… yes. Hm… No."),
              ElementsAre("Well... maybe.", "Wait...", "What?", "So… yes.", "Hm…", "No."));
}

TEST(SentenceEnd, TakesClosingQuotesAndBracketsAlong) {
  EXPECT_THAT(
      split("\"Stop!\" he cried. \"Go.\" \"Where?\" (Nowhere.) She left."),
      ElementsAre("\"Stop!\" he cried.", "\"Go.\"", "\"Where?\"", "(Nowhere.)", "She left."));
}

TEST(SentenceEnd, KnowsTheFullStopsOfOtherScripts) {
  EXPECT_THAT(split("今日は。元気ですか？「はい。」では！"),
              ElementsAre("今日は。", "元気ですか？", "「はい。」", "では！"));
  EXPECT_THAT(split("کیف حالك؟ بخير. شكرا"), ElementsAre("کیف حالك؟", "بخير.", "شكرا"));
  EXPECT_THAT(split("मैं ठीक हूँ। आप कैसे हैं।"), ElementsAre("मैं ठीक हूँ।", "आप कैसे हैं।"));
  EXPECT_THAT(split("Он ушёл. Она осталась, т. е. дома."),
              ElementsAre("Он ушёл.", "Она осталась, т. е. дома."));
}

TEST(SentenceEnd, StandsAtABlankLineAndNotAtALineEnd) {
  EXPECT_THAT(split("A title\n\nA line\nthat goes on. The end."),
              ElementsAre("A title", "A line\nthat goes on.", "The end."));
}

TEST(SentenceEnd, IsUncertainUntilTheNextSentenceHasBegun) {
  for (const char* text : {"", "   ", "It is 3.", "It is 3. ", "Yes! \"", "元気。", "He said",
                           "In the U.S. The", "A title\n\n"})
    EXPECT_EQ(find_sentence_end(text, false), kNoSentenceEnd) << text;
  EXPECT_EQ(find_sentence_end("It is. N", false), 6U);
  EXPECT_EQ(find_sentence_end("In the U.S. The ", false), 11U);
}

TEST(SentenceEnd, SurvivesMarksAloneAndIllFormedText) {
  EXPECT_THAT(split("..."), ElementsAre("..."));
  EXPECT_THAT(split(" . . . "), ElementsAre(". . ."));
  EXPECT_THAT(split("\xC3. \xE3\x80"), ElementsAre("\xC3. \xE3\x80"));
}

TEST(LacksSpace, OnlyWhereASentenceEndedAndACapitalFollows) {
  EXPECT_TRUE(lacks_space("Hello.", "How"));
  EXPECT_TRUE(lacks_space("Really?", "Élan"));
  EXPECT_FALSE(lacks_space("It is 3.", "14"));
  EXPECT_FALSE(lacks_space("Hello. ", "How"));
  EXPECT_FALSE(lacks_space("U.", "S."));
  EXPECT_FALSE(lacks_space("the U.S.", "A"));
  EXPECT_FALSE(lacks_space("un", "Believable"));
  EXPECT_FALSE(lacks_space("", "How"));
}

}  // namespace
}  // namespace millrace::nodes
