#include "nodes/flite_tts/spoken_reply.hpp"

#include <gtest/gtest.h>

#include "millrace/base/limits.hpp"

namespace millrace::nodes {
namespace {

SpokenReply reply() {
  SpokenReply made({3}, 1);
  made.add("One two.", 800);
  made.add("Three four five six.", 2'000);
  return made;
}

TEST(SpokenReply, NothingIsHeardBeforeItIsPlayed) {
  EXPECT_EQ(reply().heard(0), "");
  EXPECT_EQ(SpokenReply({1}, 1).heard(1'000), "");
}

TEST(SpokenReply, EverythingIsHeardAtTheEndAndAfterIt) {
  EXPECT_EQ(reply().heard(2'800), "One two. Three four five six.");
  EXPECT_EQ(reply().heard(1'000'000), "One two. Three four five six.");
}

TEST(SpokenReply, AWholePhraseIsHeardWhenItIsOver) {
  EXPECT_EQ(reply().heard(800), "One two.");
}

TEST(SpokenReply, AWordCountsWhenItsShareOfThePhraseIsOver) {
  // "One " is 4 of 9 parts of 800 frames, "Three " 6 of 21 parts of 2,000.
  EXPECT_EQ(reply().heard(355), "");
  EXPECT_EQ(reply().heard(356), "One");
  EXPECT_EQ(reply().heard(799), "One");
  EXPECT_EQ(reply().heard(800 + 571), "One two.");
  EXPECT_EQ(reply().heard(800 + 572), "One two. Three");
}

TEST(SpokenReply, MoreIsNeverLess) {
  const SpokenReply spoken = reply();
  std::string before;
  for (std::uint64_t frames = 0; frames <= 2'800; ++frames) {
    const std::string now = spoken.heard(frames);
    ASSERT_TRUE(now.starts_with(before)) << frames;
    before = now;
  }
}

TEST(SpokenReply, ForgetsTheOldestWordsAndNotTheirTime) {
  SpokenReply spoken({1}, 0);
  const std::string phrase(base::limits::kTextPacketBytes / 4, 'a');
  for (int i = 0; i < 10; ++i) spoken.add(phrase, 100);
  spoken.add("the end", 100);

  // Three of the long ones are left beside the end.
  EXPECT_EQ(spoken.heard(700), "");
  EXPECT_TRUE(spoken.heard(800) == phrase);
  EXPECT_TRUE(spoken.heard(1'100).ends_with(phrase + " the end"));
  EXPECT_LE(spoken.heard(1'100).size(), base::limits::kTextPacketBytes);
}

TEST(SpokenReply, IsConfirmedByItsTurnOrWhenNothingWasGuessed) {
  EXPECT_TRUE(SpokenReply({1}, 0).confirmed());
  SpokenReply guessed({1}, 2);
  EXPECT_FALSE(guessed.confirmed());
  guessed.confirm();
  EXPECT_TRUE(guessed.confirmed());
}

}  // namespace
}  // namespace millrace::nodes
