#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "millrace/base/result.hpp"

namespace millrace::inference {

/// SHA-256 of bytes that arrive in pieces.
///   threads  one thread at a time
///   source   FIPS 180-4, section 6.2
class Sha256 {
 public:
  void update(std::span<const std::byte> bytes) noexcept;
  /// The digest as 64 lower-case hex digits; ends the message, so nothing may follow.
  [[nodiscard]] std::string finish();

 private:
  void compress(const std::byte* block) noexcept;

  std::array<std::uint32_t, 8> h_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                  0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::byte, 64> pending_{};
  std::size_t pending_size_ = 0;
  std::uint64_t total_bytes_ = 0;
};

/// Digest of a whole file, read in pieces.
///   errors  unavailable when it cannot be opened or read to its end
[[nodiscard]] base::Result<std::string> sha256_of_file(const std::filesystem::path& path);

}  // namespace millrace::inference
