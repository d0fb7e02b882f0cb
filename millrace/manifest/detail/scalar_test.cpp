#include "millrace/manifest/detail/scalar.hpp"

#include <gtest/gtest.h>

#include "millrace/manifest/detail/example_manifest.hpp"

namespace millrace::manifest::detail {
namespace {

const Place kHere{"m.yaml", 1, 1};

Value::Kind kind_of(std::string_view word) {
  return plain_value(word, kHere).kind();
}

/// The value of a scalar, with SET=7, WORD=hello and EMPTY= in the environment.
std::optional<Value> value_of(std::string_view text, bool is_quoted, Diagnostics& diagnostics) {
  const Environment environment =
      environment_of({{"SET", "7"}, {"WORD", "hello"}, {"EMPTY", ""}, {"TRICK", "${SET}"}});
  return scalar_value(text, is_quoted, kHere, environment, diagnostics);
}

std::string mistake_in(std::string_view text) {
  Diagnostics diagnostics;
  EXPECT_FALSE(value_of(text, false, diagnostics));
  const auto errors = diagnostics.take();
  return errors.empty() ? "" : errors.front().message;
}

TEST(PlainValue, FollowsTheCoreSchema) {
  for (const char* word : {"", "~", "null", "Null", "NULL"})
    EXPECT_EQ(kind_of(word), Value::Kind::null) << word;
  for (const char* word : {"true", "True", "FALSE"})
    EXPECT_EQ(kind_of(word), Value::Kind::boolean) << word;
  for (const char* word : {"0", "-12", "+7", "0x1F", "0o17", "007"})
    EXPECT_EQ(kind_of(word), Value::Kind::integer) << word;
  for (const char* word : {"0.5", "-.5", "1.", "1e3", "2.5E-3"})
    EXPECT_EQ(kind_of(word), Value::Kind::number) << word;
  for (const char* word :
       {"yes", "off", "v1",   "1.2.3", "0x",   "0xZ", "0x-5", "-",     "+",    ".",
        "1e",  "e5",  ".inf", "-.inf", ".nan", "nan", "inf",  "1_000", "1:30", "+-1"})
    EXPECT_EQ(kind_of(word), Value::Kind::text) << word;
}

TEST(PlainValue, ReadsNumbersExactly) {
  EXPECT_EQ(plain_value("0x1F", kHere).as_int(), 31);
  EXPECT_EQ(plain_value("0o17", kHere).as_int(), 15);
  EXPECT_EQ(plain_value("+7", kHere).as_int(), 7);
  EXPECT_EQ(plain_value("9223372036854775807", kHere).as_int(), INT64_MAX);
  EXPECT_EQ(kind_of("9223372036854775808"), Value::Kind::number);
  EXPECT_EQ(kind_of("1e999"), Value::Kind::text);
  EXPECT_EQ(plain_value("0.35", kHere).as_double(), 0.35);
}

TEST(ScalarValue, TypesAPlainWordAfterSubstitution) {
  Diagnostics diagnostics;

  EXPECT_EQ(value_of("${SET}", false, diagnostics)->as_int(), 7);
  EXPECT_EQ(value_of("1${SET}", false, diagnostics)->as_int(), 17);
  EXPECT_EQ(value_of("${NOT_SET|0.5}", false, diagnostics)->as_double(), 0.5);
  EXPECT_EQ(value_of("${SET|0.5}", false, diagnostics)->as_int(), 7);
  EXPECT_EQ(value_of("${NOT_SET|a b|c}", false, diagnostics)->as_string(), "a b|c");
  EXPECT_TRUE(value_of("${EMPTY}", false, diagnostics)->is_null());
  EXPECT_EQ(value_of("${EMPTY}", false, diagnostics)->as_string(), "");
  EXPECT_EQ(value_of("${EMPTY|x}", false, diagnostics)->as_string(), "");
  EXPECT_TRUE(diagnostics.empty());
}

TEST(ScalarValue, KeepsQuotedTextButTypesAQuotedVariable) {
  Diagnostics diagnostics;

  const auto text = value_of("${WORD}, ${WORD}!", true, diagnostics);
  const auto number = value_of("${SET}", true, diagnostics);
  const auto mixed = value_of("${SET}${SET}", true, diagnostics);

  EXPECT_EQ(text->as_string(), "hello, hello!");
  EXPECT_EQ(number->as_int(), 7);
  EXPECT_EQ(number->as_string(), "7");
  EXPECT_EQ(mixed->kind(), Value::Kind::text);
  EXPECT_EQ(value_of("7", true, diagnostics)->kind(), Value::Kind::text);
}

TEST(ScalarValue, SubstitutesOnceAndLetsADollarEscape) {
  Diagnostics diagnostics;

  EXPECT_EQ(value_of("${TRICK}", false, diagnostics)->as_string(), "${SET}");
  EXPECT_EQ(value_of("$${SET} costs $5", false, diagnostics)->as_string(), "${SET} costs $5");
  EXPECT_FALSE(value_of("$${SET}", false, diagnostics)->substituted());
  EXPECT_EQ(value_of("I heard: {text}", true, diagnostics)->as_string(), "I heard: {text}");
}

TEST(ScalarValue, SaysWhatIsWrongWithAVariable) {
  EXPECT_EQ(mistake_in("${NOT_SET}"),
            "the environment variable NOT_SET is not set: set it, or give a default, "
            "${NOT_SET|default}");
  EXPECT_EQ(mistake_in("${SET"),
            "'${' without '}': expected ${NAME} or ${NAME|default}, or $${ for a plain '${'");
  EXPECT_EQ(mistake_in("${1X}"),
            "'1X' is no name of an environment variable: expected letters, digits and '_', as in "
            "${NAME|default}");
  EXPECT_EQ(mistake_in("${}").substr(0, 24), "'' is no name of an envi");
}

TEST(ScalarValue, WorksWithoutAnyEnvironment) {
  Diagnostics diagnostics;

  EXPECT_EQ(scalar_value("${A|3}", false, kHere, nullptr, diagnostics)->as_int(), 3);
  EXPECT_FALSE(scalar_value("${A}", false, kHere, nullptr, diagnostics));
}

}  // namespace
}  // namespace millrace::manifest::detail
