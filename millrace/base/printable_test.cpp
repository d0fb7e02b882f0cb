#include "millrace/base/printable.hpp"

#include <gtest/gtest.h>

namespace millrace::base {
namespace {

TEST(Printable, LeavesTextOfAnyScriptAsItIs) {
  EXPECT_EQ(printable("Grüße, 你好\tand\nmore"), "Grüße, 你好\tand\nmore");
  EXPECT_EQ(printable(""), "");
}

TEST(Printable, ShowsControlCharactersInsteadOfObeyingThem) {
  EXPECT_EQ(printable("\x1b[31mred\x1b[0m"), "\\x1b[31mred\\x1b[0m");
  EXPECT_EQ(printable("a\rb\x7f"), "a\\x0db\\x7f");
  EXPECT_EQ(printable(std::string_view("\0a", 2)), "\\x00a");
}

TEST(Printable, ShowsTheControlsOfTheSecondSet) {
  // U+009B is a control sequence introducer in one character.
  EXPECT_EQ(printable("\xc2\x9b"
                      "2J"),
            "\\xc2\\x9b2J");
  EXPECT_EQ(printable("\xc2\xa0"), "\xc2\xa0");
}

TEST(Printable, ShowsBytesThatAreNoText) {
  EXPECT_EQ(printable("a\xff\xc3"), "a\\xff\\xc3");
}

}  // namespace
}  // namespace millrace::base
