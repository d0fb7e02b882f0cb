#include "nodes/flite_tts/phrases.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "nodes/flite_tts/sentences.hpp"

namespace millrace::nodes {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(Phrases, EndWithASentence) {
  EXPECT_THAT(phrases("Good morning. How are you?\nFine; thanks: 3.5 kg!"),
              ElementsAre("Good morning.", "How are you?", "Fine;", "thanks:", "3.5 kg!"));
  EXPECT_THAT(phrases("  no end mark \n"), ElementsAre("no end mark"));
}

TEST(Phrases, BeginWithAFewWordsWhereTheFirstIsToBeShort) {
  EXPECT_THAT(phrases("We are open from nine to five. Please come in.", true),
              ElementsAre("We are open", "from nine to five.", "Please come in."));
  EXPECT_THAT(phrases("Please come in with me.", true), ElementsAre("Please come in with me."))
      << "two words alone would sound torn off";
  EXPECT_THAT(phrases("Yes. We are open from nine to five.", true),
              ElementsAre("Yes.", "We are open from nine to five."));
}

TEST(Phrases, LeaveAShortSentenceWithCommasWhole) {
  EXPECT_THAT(phrases("One, two, three, four, five, six, seven, eight."), SizeIs(1));
}

TEST(Phrases, EndAtTheLastCommaThatComesEarlyInALongSentence) {
  EXPECT_THAT(phrases("Yes, we are open from nine to five, on every day, but not on the Sunday "
                      "before Easter, when we rest."),
              ElementsAre("Yes, we are open from nine to five, on every day,",
                          "but not on the Sunday before Easter, when we rest."));
}

TEST(Phrases, EndAtALateCommaWhenThereIsNoEarlyOne) {
  EXPECT_THAT(phrases("a b c d e f g h i j k l m n, o p"),
              ElementsAre("a b c d e f g h i j k l m n,", "o p"));
  EXPECT_THAT(phrases("Well, a b c d e f g h i j k l m n o"), SizeIs(1)) << "torn off";
  EXPECT_THAT(phrases("a b c d e f g h i j k l 1,000 n"), SizeIs(1)) << "a number";
}

TEST(Phrases, KeepTheSpellingOfTheText) {
  EXPECT_THAT(phrases("Caf\u00e9 \u2014 it\u2019s 5 \u20ac. Ol\u00e9!"),
              ElementsAre("Caf\u00e9 \u2014 it\u2019s 5 \u20ac.", "Ol\u00e9!"));
}

TEST(Phrases, LeaveOutWhatCannotBeSpoken) {
  EXPECT_THAT(phrases(""), IsEmpty());
  EXPECT_THAT(phrases(" ... \u4f60\u597d ! \xff"), IsEmpty());
  EXPECT_THAT(phrases("Yes. ... \u4f60\u597d. No."), ElementsAre("Yes.", "No."));
}

TEST(Phrases, AreNeverLongerThanASynthesiserIsGiven) {
  std::string many;
  for (int i = 0; i < 200; ++i) many += "word" + std::to_string(i) + " ";
  std::string one;
  for (int i = 0; i < 500; ++i) one += i % 3 == 0 ? "\u00e9" : "x";
  for (const std::string& text : {many, one}) {
    std::string joined;
    for (const std::string_view phrase : phrases(text)) {
      EXPECT_LE(phrase.size(), kMaxSentenceBytes);
      joined += std::string(phrase) + (text == many ? " " : "");
    }
    EXPECT_EQ(joined, text);
  }
}

TEST(Phrases, WordsAreWhatStandsBetweenSpaces) {
  EXPECT_THAT(words_of(" don't\u00a0stop\n now,  1 "), ElementsAre("don't", "stop", "now,", "1"));
  EXPECT_THAT(words_of("  "), IsEmpty());
}

}  // namespace
}  // namespace millrace::nodes
