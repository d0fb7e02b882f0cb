#include "millrace/base/result.hpp"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>

namespace millrace::base {
namespace {

struct Row {
  Code code;
  std::string_view name;
  int exit_code;
};

constexpr std::array kTable{
    Row{Code::bad_argument, "bad_argument", 2},   Row{Code::bad_manifest, "bad_manifest", 2},
    Row{Code::bad_peer_data, "bad_peer_data", 2}, Row{Code::overloaded, "overloaded", 1},
    Row{Code::unavailable, "unavailable", 1},     Row{Code::cancelled, "cancelled", 1},
    Row{Code::deadline, "deadline", 1},           Row{Code::internal, "internal", 1},
};

TEST(Code, HasOneNameAndOneExitCodeEach) {
  std::set<std::string_view> names;

  for (const Row& row : kTable) {
    EXPECT_EQ(name(row.code), row.name);
    EXPECT_EQ(exit_code(row.code), row.exit_code) << row.name;
    names.insert(name(row.code));
  }

  EXPECT_EQ(names.size(), kTable.size());
}

TEST(Code, TreatsAValueOutsideTheEnumAsInternal) {
  const auto stray = static_cast<Code>(200);

  EXPECT_EQ(name(stray), "internal");
  EXPECT_EQ(exit_code(stray), 1);
}

TEST(Error, SaysWhereBeforeWhat) {
  const Error error{Code::bad_manifest, "no node is called 'asr'", "call.yaml:7:11"};

  EXPECT_EQ(error.text(), "call.yaml:7:11: no node is called 'asr'");
}

TEST(Error, SaysOnlyWhatWhenThereIsNoPlace) {
  EXPECT_EQ((Error{Code::internal, "broke", ""}).text(), "broke");
}

TEST(Fail, MakesTheFailingHalfOfAnyResult) {
  const Result<int> number = fail(Code::deadline, "too late", "node tts");
  const Result<void> nothing = fail(Code::overloaded, "full");

  ASSERT_FALSE(number.has_value());
  EXPECT_EQ(number.error().code, Code::deadline);
  EXPECT_EQ(number.error().text(), "node tts: too late");
  ASSERT_FALSE(nothing.has_value());
  EXPECT_EQ(nothing.error().where, "");
}

}  // namespace
}  // namespace millrace::base
