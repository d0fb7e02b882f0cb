#pragma once

#include <cstddef>
#include <string_view>

#include "millrace/base/utf8.hpp"

namespace millrace::nodes {

/// Quotes and brackets that may follow the end of a sentence or clause and belong to it.
inline constexpr std::u32string_view kClosers = U"\"')]}”’»›」』】）］〉》";

[[nodiscard]] constexpr bool is_in(std::u32string_view set, char32_t value) noexcept {
  return set.find(value) != std::u32string_view::npos;
}

[[nodiscard]] constexpr std::size_t skip_spaces(std::string_view text, std::size_t at) noexcept {
  while (at < text.size()) {
    const base::CodePoint here = base::decode_utf8(text.substr(at));
    if (!base::is_space(here.value)) break;
    at += here.size_bytes;
  }
  return at;
}

/// Whether `c` is the second or a later byte of a character.
[[nodiscard]] constexpr bool is_inner_byte(char c) noexcept {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

/// `text` without a character at its end whose other bytes have not come yet.
[[nodiscard]] constexpr std::string_view without_cut_character(std::string_view text) noexcept {
  std::size_t at = text.size();
  for (std::size_t inner = 0; inner < 3 && at > 0 && is_inner_byte(text[at - 1]); ++inner) --at;
  if (at == 0) return text;
  const auto lead = static_cast<unsigned char>(text[at - 1]);
  const std::size_t size = lead >= 0xF5   ? 1
                           : lead >= 0xF0 ? 4
                           : lead >= 0xE0 ? 3
                           : lead >= 0xC2 ? 2
                                          : 1;
  return text.size() - (at - 1) < size ? text.substr(0, at - 1) : text;
}

}  // namespace millrace::nodes
