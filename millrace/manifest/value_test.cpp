#include "millrace/manifest/value.hpp"

#include <gtest/gtest.h>

namespace millrace::manifest {
namespace {

const Place kHere{"m.yaml", 3, 7};

Value map_of(std::string key, Value value) {
  Value::Map map;
  map.push_back({std::move(key), kHere, std::move(value)});
  return {std::move(map), kHere};
}

TEST(Place, IsFileLineAndColumn) {
  EXPECT_EQ(kHere.text(), "m.yaml:3:7");
  EXPECT_EQ((Place{"m.yaml", 0, 0}.text()), "m.yaml");
}

TEST(Value, AnswersOnlyForItsOwnKind) {
  const Value truth(true, kHere);

  EXPECT_EQ(truth.as_bool(), true);
  EXPECT_FALSE(truth.as_int());
  EXPECT_FALSE(truth.as_double());
  EXPECT_FALSE(truth.as_string());
  EXPECT_TRUE(truth.items().empty());
  EXPECT_TRUE(truth.entries().empty());
  EXPECT_EQ(truth.find("x"), nullptr);
  EXPECT_EQ(Value().kind(), Value::Kind::null);
}

TEST(Value, TakesWholeNumbersAsIntegersAndIntegersAsNumbers) {
  EXPECT_EQ(Value(16e3, kHere).as_int(), 16000);
  EXPECT_EQ(Value(std::int64_t{5}, kHere).as_double(), 5.0);
  EXPECT_FALSE(Value(0.5, kHere).as_int());
  EXPECT_FALSE(Value(1e300, kHere).as_int());
}

TEST(Value, FindsEntriesAndListsKeysInTheOrderWritten) {
  Value::Map map;
  map.push_back({"zeta", kHere, Value(true, kHere)});
  map.push_back({"alpha", kHere, Value(false, kHere)});
  const Value value(std::move(map), kHere);

  ASSERT_NE(value.find("alpha"), nullptr);
  EXPECT_EQ(value.find("alpha")->as_bool(), false);
  EXPECT_EQ(value.find("beta"), nullptr);
  EXPECT_EQ(value.keys(), (std::vector<std::string_view>{"zeta", "alpha"}));
}

TEST(Value, FromTheEnvironmentIsTextToo) {
  const Value port = Value(std::int64_t{80}, kHere).from_environment("80");

  EXPECT_EQ(port.as_int(), 80);
  EXPECT_EQ(port.as_string(), "80");
  EXPECT_EQ(port.substituted(), "80");
}

TEST(Value, DescribesItselfWithoutSecrets) {
  EXPECT_EQ(Value().described(), "nothing");
  EXPECT_EQ(Value(false, kHere).described(), "false");
  EXPECT_EQ(Value(std::int64_t{-4}, kHere).described(), "-4");
  EXPECT_EQ(Value(0.25, kHere).described(), "0.25");
  EXPECT_EQ(Value(std::string("w"), kHere).described(), "'w'");
  EXPECT_EQ(Value(Value::List{}, kHere).described(), "a list");
  EXPECT_EQ(map_of("k", Value()).described(), "a map");
  EXPECT_EQ(Value(std::string("pass"), kHere).from_environment("pass").described(),
            "a word from the environment");
}

TEST(Value, IsJsonWithSortedKeys) {
  Value::Map map;
  map.push_back({"z", kHere, Value(0.1, kHere)});
  map.push_back(
      {"a", kHere, Value(Value::List{Value(), Value(std::string("\"\n"), kHere)}, kHere)});

  EXPECT_EQ(Value(std::move(map), kHere).to_json(), R"({"a":[null,"\"\n"],"z":0.1})");
}

TEST(Value, IsJsonEvenWhenTheEnvironmentIsNoUtf8) {
  EXPECT_EQ(Value(std::string("a\xFF"), kHere).to_json(), "\"a\xEF\xBF\xBD\"");
}

TEST(Value, MovesToAnotherPlace) {
  const Value moved = Value(true, kHere).at({"m.yaml", 9, 1});

  EXPECT_EQ(moved.place().line, 9);
  EXPECT_EQ(moved.as_bool(), true);
}

TEST(InQuotes, EscapesControlCharactersAndCutsBetweenCharacters) {
  EXPECT_EQ(in_quotes("a\n\t\x1B"), "'a\\n\\t\\x1b'");
  std::string umlauts;
  for (int i = 0; i < 50; ++i) umlauts += "\xC3\xA4";

  const std::string cut = in_quotes(umlauts);

  EXPECT_EQ(cut.substr(cut.size() - 6), "\xC3\xA4...'");
  EXPECT_LE(cut.size(), 70U);
}

}  // namespace
}  // namespace millrace::manifest
