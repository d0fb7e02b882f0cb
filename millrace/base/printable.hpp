#pragma once

#include <string>
#include <string_view>

#include "millrace/base/utf8.hpp"

namespace millrace::base {

/// `text` as a terminal may show it: control characters (C0 but for tab and line feed, DEL, C1)
/// come out as \xNN, so that words of a caller or a file's name cannot move the cursor, change
/// colours or hide a line; ill-formed UTF-8 does too, byte for byte.
///   threads  any
///   source   ECMA-48, 5th edition, sections 5.2 and 5.3 (C0 and C1)
[[nodiscard]] inline std::string printable(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string shown;
  shown.reserve(text.size());
  while (!text.empty()) {
    const CodePoint point = decode_utf8(text);
    const bool control = (point.value < 0x20 && point.value != U'\t' && point.value != U'\n') ||
                         (point.value >= 0x7F && point.value <= 0x9F);
    const std::string_view bytes = text.substr(0, point.size_bytes);
    if (control || !point.well_formed) {
      for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        shown += {'\\', 'x', kDigits[byte >> 4U], kDigits[byte & 0xFU]};
      }
    } else {
      shown += bytes;
    }
    text.remove_prefix(point.size_bytes);
  }
  return shown;
}

}  // namespace millrace::base
