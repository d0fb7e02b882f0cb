#include "nodes/reply/word_match.hpp"

#include <gtest/gtest.h>

namespace millrace::nodes {
namespace {

bool found(std::string_view words, std::string_view text) {
  return WordPattern{words}.found_in(text);
}

TEST(WordPattern, FindsWholeWordsOnly) {
  EXPECT_TRUE(found("hours", "Which hours?"));
  EXPECT_TRUE(found("hours", "hours"));
  EXPECT_FALSE(found("hour", "Which hours?"));
  EXPECT_FALSE(found("hours", "Whichhours"));
  EXPECT_FALSE(found("hours", ""));
}

TEST(WordPattern, FindsSeveralWordsInARow) {
  EXPECT_TRUE(found("opening hours", "your opening -- hours"));
  EXPECT_TRUE(found("a b", "a a b"));
  EXPECT_FALSE(found("opening hours", "hours of opening"));
  EXPECT_FALSE(found("opening hours", "opening"));
}

TEST(WordPattern, DoesNotCareForCaseInAnyAlphabet) {
  EXPECT_TRUE(found("ÖFFNEN", "Wann öffnen Sie?"));
  EXPECT_TRUE(found("часы", "ЧАСЫ работы"));
  EXPECT_TRUE(found("ώρες", "ποιες ώρες;"));
}

TEST(WordPattern, TakesAnApostropheAsPartOfTheWord) {
  EXPECT_TRUE(found("don't", "I don’t know"));
  EXPECT_FALSE(found("don", "I don't know"));
  EXPECT_TRUE(found("know", "'know'"));
}

TEST(WordPattern, FindsAnyRunOfCharactersWhereWordsHaveNoSpaces) {
  EXPECT_TRUE(found("时间", "营业时间是什么？"));
  EXPECT_FALSE(found("间时", "营业时间是什么？"));
  EXPECT_TRUE(found("เวลา", "เปิดเวลาไหน"));
}

TEST(WordPattern, WithoutWordsIsNeverFound) {
  EXPECT_FALSE(WordPattern{"?!"}.has_words());
  EXPECT_FALSE(found("?!", "what?!"));
  EXPECT_FALSE(found("", ""));
}

TEST(WordPattern, SurvivesIllFormedText) {
  EXPECT_TRUE(found("hours", "\xFF\xC3 hours \xE3\x80"));
  EXPECT_FALSE(found("hours", "\xFF\xC3"));
}

}  // namespace
}  // namespace millrace::nodes
