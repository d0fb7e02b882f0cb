#include "nodes/reply/reply_rules.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace millrace::nodes {
namespace {

using ::testing::HasSubstr;

std::string filled(std::string_view say, std::string_view text) {
  const auto made = ReplyTemplate::parse(say);
  EXPECT_TRUE(made.has_value()) << say;
  std::string out(made->size_bytes(text), '\0');
  made->write(text, out);
  return out;
}

TEST(ReplyTemplate, FillsEveryPlaceWithTheText) {
  EXPECT_EQ(filled("no place", "x"), "no place");
  EXPECT_EQ(filled("{text}", "tea"), "tea");
  EXPECT_EQ(filled("a{text}{text}b", "x"), "axxb");
  EXPECT_EQ(filled("[{text}]", ""), "[]");
  EXPECT_EQ(filled("say {text}", "{text}"), "say {text}") << "what was said is not a template";
}

TEST(ReplyTemplate, KnowsWhenItSaysNothing) {
  EXPECT_TRUE(ReplyTemplate{}.says_nothing());
  EXPECT_TRUE(ReplyTemplate::parse("")->says_nothing());
  EXPECT_FALSE(ReplyTemplate::parse("{text}")->says_nothing());
  EXPECT_FALSE(ReplyTemplate::parse(" ")->says_nothing());
}

TEST(ReplyTemplate, RefusesBracesThatAreNoPlaceholder) {
  for (const char* say : {"{", "}", "{Text}", "{ text }", "{{text}}", "{text", "text}"}) {
    const auto made = ReplyTemplate::parse(say);
    ASSERT_FALSE(made.has_value()) << say;
    EXPECT_EQ(made.error().code, base::Code::bad_manifest);
    EXPECT_THAT(made.error().message, HasSubstr("'{text}', the only placeholder"));
  }
}

TEST(ReplyRules, TriesTheRulesInTheirOrder) {
  const auto rules = ReplyRules::parse(R"([{"when": "a", "say": "first"},
                                           {"when": "a b", "say": "second"}])",
                                       "other", "");
  ASSERT_TRUE(rules.has_value());

  EXPECT_EQ(rules->answer_to("a b").say.size_bytes(""), std::string{"first"}.size());
  EXPECT_EQ(rules->answer_to("b").say.size_bytes(""), std::string{"other"}.size());
  EXPECT_TRUE(rules->answer_to("").say.says_nothing());
}

TEST(ReplyRules, NamesTheParameterThatIsWrong) {
  EXPECT_EQ(ReplyRules::parse("[]", "{oops}", "").error().where, "default");
  EXPECT_EQ(ReplyRules::parse("[]", "", "{oops}").error().where, "on_silence");
  EXPECT_EQ(
      ReplyRules::parse(R"([{"when": "a", "say": "b", "more": "{oops}"}])", "", "").error().where,
      "rules[0].more");
  EXPECT_EQ(ReplyRules::parse(R"([{"when": "a", "say": "b", "more": 7}])", "", "").error().where,
            "rules[0].more");
  EXPECT_EQ(ReplyRules::parse(R"([{"when": "a", "say": "{oops}"}])", "", "").error().where,
            "rules[0].say");
}

}  // namespace
}  // namespace millrace::nodes
