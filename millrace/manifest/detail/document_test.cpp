#include "millrace/manifest/detail/document.hpp"

#include <gtest/gtest.h>

#include "millrace/manifest/detail/example_manifest.hpp"

namespace millrace::manifest::detail {
namespace {

/// The tree of `text` as JSON, or the first mistake in it.
std::string tree_of(std::string_view text) {
  Diagnostics diagnostics;
  const auto tree = parse_document(text, "m", environment_of({{"A", "5"}}), diagnostics);
  const auto errors = diagnostics.take();
  return errors.empty() && tree ? tree->to_json() : errors.front().text();
}

TEST(ParseDocument, KeepsTheKindsYamlGives) {
  EXPECT_EQ(tree_of("[1, '1', 1.5, true, ~, word, \"a\\tb\", ]"),
            R"([1,"1",1.5,true,null,"word","a\tb"])");
  EXPECT_EQ(tree_of("a: |\n  one\n  two\nb: >\n  one\n  two\n"),
            R"({"a":"one\ntwo\n","b":"one two\n"})");
  EXPECT_EQ(tree_of("x: !!str 5\n"), R"({"x":"5"})");
}

TEST(ParseDocument, IsNullForATextThatSaysNothing) {
  EXPECT_EQ(tree_of(""), "null");
  EXPECT_EQ(tree_of("# only a comment\n"), "null");
  EXPECT_EQ(tree_of("\xEF\xBB\xBF{a: 1}"), R"({"a":1})");
}

TEST(ParseDocument, FillsInValuesButNeverKeys) {
  EXPECT_EQ(tree_of("'${A}': ${A}\n"), R"({"${A}":5})");
}

TEST(ParseDocument, CopiesWhatAnAliasNames) {
  EXPECT_EQ(tree_of("a: &x {n: [1]}\nb: *x\n"), R"({"a":{"n":[1]},"b":{"n":[1]}})");
  EXPECT_EQ(tree_of("&k key: 1\nother: *k\n"), R"({"key":1,"other":"key"})");
  EXPECT_EQ(tree_of("a: &k word\n*k : 2\n"), R"({"a":"word","word":2})");
}

TEST(ParseDocument, KeepsTheFirstOfAKeyThatStandsTwice) {
  Diagnostics diagnostics;

  const auto tree = parse_document("a: 1\na: {b: 2}\nc: 3\n", "m", nullptr, diagnostics);

  EXPECT_EQ(tree->to_json(), R"({"a":1,"c":3})");
  EXPECT_EQ(diagnostics.take().at(0).text(),
            "m:2:1: the key 'a' stands here twice: first at m:1:1, expected once");
}

TEST(ParseDocument, PlacesAMissingValueAtItsKey) {
  Diagnostics diagnostics;

  const auto tree = parse_document("a:\n\n\nb: ~\n", "m", nullptr, diagnostics);

  EXPECT_EQ(tree->find("a")->place().text(), "m:1:1");
  EXPECT_EQ(tree->find("b")->place().text(), "m:4:4");
}

TEST(ParseDocument, CountsLinesThatEndInCarriageReturnAndLineFeed) {
  Diagnostics diagnostics;

  const auto tree = parse_document("a: 1\r\nb:\r\n  c: x\r\n", "m", nullptr, diagnostics);

  EXPECT_EQ(tree->find("b")->find("c")->place().text(), "m:3:6");
  EXPECT_EQ(tree->to_json(), R"({"a":1,"b":{"c":"x"}})");
}

TEST(FirstBadByte, LeavesGoodTextAlone) {
  EXPECT_EQ(first_bad_byte(""), std::string_view::npos);
  EXPECT_EQ(first_bad_byte("a\tb\r\n\xC2\x80\xE0\xA0\x80\xED\x9F\xBF\xF0\x90\x80\x80"),
            std::string_view::npos);
}

TEST(FirstBadByte, IsThePositionOfTheFirst) {
  EXPECT_EQ(first_bad_byte("ab\x01"), 2U);
  EXPECT_EQ(first_bad_byte("\xC3\xA4\xA4"), 2U);
  EXPECT_EQ(first_bad_byte("a\xC1\x81"), 1U);
  EXPECT_EQ(first_bad_byte("a\xE0\x9F\xBF"), 1U);
  EXPECT_EQ(first_bad_byte("a\xF0\x8F\xBF\xBF"), 1U);
  EXPECT_EQ(first_bad_byte("a\xF5\x80\x80\x80"), 1U);
}

}  // namespace
}  // namespace millrace::manifest::detail
