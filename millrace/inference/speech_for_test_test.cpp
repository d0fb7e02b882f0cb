#include "millrace/inference/speech_for_test.hpp"

#include <gtest/gtest.h>

namespace millrace::inference::speech_for_test {
namespace {

TEST(SpeechForTest, DecodesAPromptAt16Kilohertz) {
  const auto samples = prompt("agent-pass");

  EXPECT_GT(samples.size(), 32'000U);
  EXPECT_GT(*std::max_element(samples.begin(), samples.end()), 0.1F);
  EXPECT_LE(*std::max_element(samples.begin(), samples.end()), 1.0F);
}

TEST(SpeechForTest, KnowsWhatAPromptSays) {
  EXPECT_EQ(prompt_text("agent-pass"), "Please enter your password followed by the pound key.");
}

TEST(SpeechForTest, CountsWordErrorsAsFewestEdits) {
  const auto said = words("Please enter, your Pass-word!");

  EXPECT_EQ(said, (std::vector<std::string>{"please", "enter", "your", "pass", "word"}));
  EXPECT_EQ(word_errors(said, words("please enter your pass word")), 0U);
  EXPECT_EQ(word_errors(said, words("please enter a pass word now")), 2U);
  EXPECT_EQ(word_errors(said, {}), 5U);
}

}  // namespace
}  // namespace millrace::inference::speech_for_test
