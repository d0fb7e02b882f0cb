#include "nodes/flite_tts/sentences.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "millrace/base/rng.hpp"

namespace millrace::nodes {
namespace {

using List = std::vector<std::string>;

TEST(Sentences, EndBehindTheirMarks) {
  EXPECT_EQ(sentences("Hello there. How are you? Fine! One: two; three"),
            (List{"Hello there.", "How are you?", "Fine!", "One:", "two;", "three"}));
}

TEST(Sentences, DoNotEndInsideNumbersAndNames) {
  EXPECT_EQ(sentences("It costs 3.50 at example.com today."),
            (List{"It costs 3.50 at example.com today."}));
}

TEST(Sentences, HaveSomethingToSay) {
  EXPECT_EQ(sentences("... ! ? Yes. - ."), (List{"Yes."}));
  EXPECT_EQ(sentences("   "), List{});
  EXPECT_EQ(sentences(""), List{});
}

TEST(Speakable, KeepsALetterBehindHalfACharacter) {
  EXPECT_EQ(speakable("\xc3"
                      "A"),
            " A");
  EXPECT_EQ(speakable("\xc3"), " ");
  EXPECT_EQ(speakable("\xc3\xa9"
                      "A"),
            "eA");
}

TEST(Sentences, AreCutAtACommaWhenTheyAreTooLong) {
  const std::string start(200, 'a');
  const std::string more(60, 'b');

  const auto got = sentences(start + ", " + more + " " + more + " " + more);

  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(got[0], start + ",");
}

TEST(Sentences, AreCutAtASpaceOrAnywhereWhenThereIsNoComma) {
  const auto spaced = sentences(std::string(290, 'a') + " " + std::string(20, 'b'));
  const auto solid = sentences(std::string(700, 'a'));

  ASSERT_EQ(spaced.size(), 2U);
  EXPECT_EQ(spaced[1], std::string(20, 'b'));
  ASSERT_EQ(solid.size(), 3U);
  EXPECT_EQ(solid[0].size(), kMaxSentenceBytes);
  EXPECT_EQ(solid[2].size(), 100U);
}

TEST(Sentences, OfExactlyTheLimitStayWhole) {
  EXPECT_EQ(sentences(std::string(kMaxSentenceBytes, 'a')).size(), 1U);
  EXPECT_EQ(sentences(std::string(kMaxSentenceBytes + 1, 'a')).size(), 2U);
}

TEST(Sentences, LoseNoLetterAndKeepTheirBoundWhateverTheText) {
  base::Rng rng(11);
  const std::string alphabet = "abc. ,!?;:-\n\xc3\xa9\xe2\x80\x99\xff\x80";
  for (int round = 0; round < 200; ++round) {
    std::string text(rng.below(2'000), ' ');
    for (char& c : text) c = alphabet[rng.below(alphabet.size())];

    std::size_t letters = 0;
    for (const auto& sentence : sentences(text)) {
      EXPECT_LE(sentence.size(), kMaxSentenceBytes);
      for (const char c : sentence) letters += c >= 'a' && c <= 'c' ? 1 : 0;
    }
    const auto plain = speakable(text);
    const auto given = std::ranges::count_if(plain, [](char c) { return c >= 'a' && c <= 'c'; });
    EXPECT_EQ(letters, static_cast<std::size_t>(given));
  }
}

TEST(Speakable, SpellsTypographyInPlainAscii) {
  EXPECT_EQ(speakable("\u201cIt\u2019s\u201d 5\u2014or\u2026"), "\"It's\" 5, or...");
  EXPECT_EQ(speakable("caf\u00e9 \u00dcber stra\u00dfe"), "cafe Uber strasse");
}

TEST(Speakable, MakesSpacesOfWhatCannotBeSpoken) {
  EXPECT_EQ(speakable("a\tb\nc\x01"), "a b c ");
  EXPECT_EQ(speakable("a\u4f60b"), "a b");
  EXPECT_EQ(speakable("a\xff\x80z\xc3"), "a z ");
}

}  // namespace
}  // namespace millrace::nodes
