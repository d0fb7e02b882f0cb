#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::engine {

/// Appends `value` in 1 to 10 bytes: seven bits a byte, lowest first; small magnitudes are short.
inline void put_varint(std::string& into, std::int64_t value) {
  // Zigzag: the sign goes to the lowest bit.
  std::uint64_t rest =
      (std::bit_cast<std::uint64_t>(value) << 1) ^ std::bit_cast<std::uint64_t>(value >> 63);
  while (rest >= 0x80) {
    into.push_back(static_cast<char>(static_cast<unsigned char>(rest | 0x80)));
    rest >>= 7;
  }
  into.push_back(static_cast<char>(static_cast<unsigned char>(rest)));
}

/// Takes one such number from the front of `from`; none when there is no whole one.
[[nodiscard]] inline std::optional<std::int64_t> take_varint(std::string_view& from) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < from.size() && i < 10; ++i) {
    const auto byte = static_cast<unsigned char>(from[i]);
    value |= static_cast<std::uint64_t>(byte & 0x7F) << (7 * i);
    if ((byte & 0x80) != 0) continue;
    from.remove_prefix(i + 1);
    return std::bit_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
  }
  return std::nullopt;
}

}  // namespace millrace::engine
