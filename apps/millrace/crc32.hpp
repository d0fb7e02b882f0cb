#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace millrace::app {

namespace detail {
constexpr std::array<std::uint32_t, 256> crc32_table() noexcept {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t rest = i;
    for (int bit = 0; bit < 8; ++bit) rest = (rest >> 1) ^ ((rest & 1) != 0 ? 0xEDB88320U : 0U);
    table[i] = rest;
  }
  return table;
}
inline constexpr auto kCrc32Table = crc32_table();
}  // namespace detail

/// Checksum of `bytes`: any single byte that differs gives another one.
///   source  CRC-32 of ISO 3309, as in PNG and gzip
[[nodiscard]] constexpr std::uint32_t crc32(std::string_view bytes) noexcept {
  std::uint32_t crc = ~0U;
  for (const char c : bytes)
    crc = (crc >> 8) ^ detail::kCrc32Table[(crc ^ static_cast<unsigned char>(c)) & 0xFF];
  return ~crc;
}

}  // namespace millrace::app
