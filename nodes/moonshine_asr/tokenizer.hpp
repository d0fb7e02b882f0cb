#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/base/result.hpp"

namespace millrace::nodes {

/// Turns Moonshine's token numbers into text.
///   threads  any
///   errors   unavailable (no file), bad_peer_data (not a list of tokens), with the byte offset
///   source   tokenizer.bin of moonshine-voice: each token is a length (one byte below 128, else
///            low 7 bits then the number of 128s) and its bytes
class MoonshineTokenizer {
 public:
  [[nodiscard]] static base::Result<MoonshineTokenizer> load(const std::filesystem::path& path);
  [[nodiscard]] static base::Result<MoonshineTokenizer> parse(std::string_view bytes);

  [[nodiscard]] std::size_t size() const noexcept { return tokens_.size(); }
  /// Valid UTF-8 without spaces at its ends; special and unknown tokens give nothing, and so do
  /// byte tokens that make no character.
  [[nodiscard]] std::string text(std::span<const std::int32_t> tokens) const;

 private:
  std::vector<std::string> tokens_;
};

}  // namespace millrace::nodes
