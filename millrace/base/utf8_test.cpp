#include "millrace/base/utf8.hpp"

#include <gtest/gtest.h>

#include <array>

namespace millrace::base {
namespace {

TEST(Utf8, ReadsCodePointsOfEveryLength) {
  constexpr std::array<std::pair<std::string_view, char32_t>, 8> kCases{{{"A", U'A'},
                                                                         {"\xC2\x80", 0x80},
                                                                         {"é", 0xE9},
                                                                         {"\xDF\xBF", 0x7FF},
                                                                         {"।", 0x964},
                                                                         {"。", 0x3002},
                                                                         {"\xEF\xBF\xBF", 0xFFFF},
                                                                         {"😀", 0x1F600}}};
  for (const auto& [text, value] : kCases) {
    const CodePoint read = decode_utf8(text);
    EXPECT_EQ(read.value, value);
    EXPECT_EQ(read.size_bytes, text.size());
    EXPECT_TRUE(read.well_formed);
  }
}

TEST(Utf8, TakesOneByteOfWhatIsIllFormed) {
  constexpr std::array<std::string_view, 9> kCases{
      "\x80", "\xC0\xAF", "\xC1\xBF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80",
      "\xF5", "\xE3\x80", "\xC3("};
  for (const std::string_view text : kCases) {
    const CodePoint read = decode_utf8(text);
    EXPECT_EQ(read.value, 0xFFFDU) << text.size();
    EXPECT_EQ(read.size_bytes, 1U);
    EXPECT_FALSE(read.well_formed);
  }
}

TEST(Utf8, GivesNothingAtTheEnd) {
  EXPECT_EQ(decode_utf8("").size_bytes, 0U);
}

TEST(Utf8, LowersLettersOfThreeScripts) {
  constexpr std::array<std::pair<char32_t, char32_t>, 12> kCases{{{U'A', U'a'},
                                                                  {U'z', U'z'},
                                                                  {U'É', U'é'},
                                                                  {U'×', U'×'},
                                                                  {U'Ł', U'ł'},
                                                                  {U'Ž', U'ž'},
                                                                  {U'ž', U'ž'},
                                                                  {U'Ÿ', U'ÿ'},
                                                                  {U'Σ', U'σ'},
                                                                  {U'Ж', U'ж'},
                                                                  {U'Ё', U'ё'},
                                                                  {U'語', U'語'}}};
  for (const auto& [from, to] : kCases) EXPECT_EQ(lower_case(from), to);
}

TEST(Utf8, KnowsSmallLettersFromCapitalsAndFromLettersWithoutCase) {
  for (const char32_t small : {U'a', U'ß', U'é', U'ł', U'ž', U'ά', U'ж', U'ё'})
    EXPECT_TRUE(is_lower_case(small)) << static_cast<std::uint32_t>(small);
  for (const char32_t other : {U'A', U'7', U'÷', U'Ł', U'Ž', U'İ', U'Σ', U'Ж', U'語', U'ह'})
    EXPECT_FALSE(is_lower_case(other)) << static_cast<std::uint32_t>(other);
}

TEST(Utf8, TrimsSpacesOfEveryScript) {
  EXPECT_EQ(trimmed(" \t\u3000a b\u00A0\n"), "a b");
  EXPECT_EQ(trimmed("\u3000 "), "");
  EXPECT_EQ(trimmed(""), "");
}

}  // namespace
}  // namespace millrace::base
