#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace millrace::base {

/// One code point at the front of a text. Ill-formed bytes are U+FFFD, one byte at a time.
struct CodePoint {
  char32_t value = 0;
  std::size_t size_bytes = 0;  ///< 0 at the end of the text
  bool well_formed = true;
};

/// The code point at the front of `text`.
///   threads  any
///   source   Unicode 15, table 3-7 (overlong forms, surrogates and numbers past U+10FFFF are
///            ill-formed)
[[nodiscard]] constexpr CodePoint decode_utf8(std::string_view text) noexcept {
  if (text.empty()) return {};
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  const CodePoint ill_formed{0xFFFD, 1, false};
  const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < size) return ill_formed;
  char32_t value = lead & (0xFFU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return ill_formed;
    value = (value << 6) | (byte(i) & 0x3FU);
  }
  const bool overlong = (size == 3 && value < 0x800) || (size == 4 && value < 0x10000);
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (overlong || surrogate || value > 0x10FFFF) return ill_formed;
  return {value, size, true};
}

/// `value` in lower case for Latin (to U+017F), Greek and Cyrillic letters; others unchanged. Does
/// not depend on any locale.
[[nodiscard]] constexpr char32_t lower_case(char32_t value) noexcept {
  if ((value >= U'A' && value <= U'Z') || (value >= 0xC0 && value <= 0xDE && value != 0xD7))
    return value + 0x20;
  if ((value >= 0x391 && value <= 0x3A9 && value != 0x3A2) || (value >= 0x410 && value <= 0x42F))
    return value + 0x20;
  if (value >= 0x400 && value <= 0x40F) return value + 0x50;
  if (value == 0x178) return 0xFF;
  // Latin Extended-A goes in pairs: the capital even, but odd in two stretches of it.
  const bool capital_odd = (value >= 0x139 && value <= 0x148) || (value >= 0x179 && value <= 0x17E);
  const bool paired = capital_odd || (value >= 0x100 && value <= 0x137 && value != 0x130) ||
                      (value >= 0x14A && value <= 0x177);
  if (paired && (value % 2 == 1) == capital_odd) return value + 1;
  return value;
}

/// Whether `value` is a small letter of those scripts, and so cannot begin a sentence.
[[nodiscard]] constexpr bool is_lower_case(char32_t value) noexcept {
  if ((value >= U'a' && value <= U'z') || (value >= 0xDF && value <= 0xFF && value != 0xF7))
    return true;
  if ((value >= 0x3AC && value <= 0x3CE) || (value >= 0x430 && value <= 0x45F)) return true;
  return value >= 0x100 && value <= 0x17F && lower_case(value) == value && value != 0x130;
}

/// Spaces and line ends, those of other scripts included.
[[nodiscard]] constexpr bool is_space(char32_t value) noexcept {
  return value == U' ' || (value >= 0x09 && value <= 0x0D) || value == 0x85 || value == 0xA0 ||
         (value >= 0x2000 && value <= 0x200A) || value == 0x2028 || value == 0x2029 ||
         value == 0x202F || value == 0x3000;
}

/// `text` without spaces at its ends.
[[nodiscard]] constexpr std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty()) {
    const CodePoint first = decode_utf8(text);
    if (!is_space(first.value)) break;
    text.remove_prefix(first.size_bytes);
  }
  std::size_t end = 0;
  for (std::size_t i = 0; i < text.size();) {
    const CodePoint here = decode_utf8(text.substr(i));
    i += here.size_bytes;
    if (!is_space(here.value)) end = i;
  }
  return text.substr(0, end);
}

}  // namespace millrace::base
