#pragma once

#include <cstddef>
#include <string_view>

#include "nodes/text_collector/sentence_end.hpp"

namespace millrace::nodes {

/// One past the last clause of `text` that ends within `limit`: behind a comma, semicolon, colon or
/// dash, the closing quotes included, where more of the sentence follows. kNoSentenceEnd when there
/// is none, or only one too short to be worth a voice of its own.
///   units  bytes of UTF-8
[[nodiscard]] std::size_t last_clause_end(std::string_view text, std::size_t limit) noexcept;

/// find_sentence_end(), but a sentence of more than `most` bytes ends before its end: at its last
/// clause, else at its last space, else at a character (letter and accents together). Depends on
/// the text alone, not on how it was cut: what lies within `most` bytes is decided with a fixed
/// look at what follows.
///   text_complete  nothing will be added; what is left without an end is the last sentence
///   units          bytes of UTF-8; most >= 64
[[nodiscard]] std::size_t find_piece_end(std::string_view text, bool text_complete,
                                         std::size_t most) noexcept;

}  // namespace millrace::nodes
