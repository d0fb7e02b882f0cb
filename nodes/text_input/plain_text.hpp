#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace millrace::nodes {

/// What keeps bytes from being text.
enum class TextFlaw : std::uint8_t { none, nul, not_utf8 };

/// The first flaw of a text, and where it is.
///   units  bytes from the front
struct FlawAt {
  TextFlaw kind = TextFlaw::none;
  std::size_t at = 0;
};

/// Whether `text` is UTF-8 without NUL bytes, which end a text for whoever speaks C.
///   threads  any; no allocation
[[nodiscard]] FlawAt flaw_of(std::string_view text) noexcept;

}  // namespace millrace::nodes
