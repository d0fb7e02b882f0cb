#pragma once

#include <cstddef>
#include <string_view>

namespace millrace::nodes {

inline constexpr std::size_t kNoSentenceEnd = static_cast<std::size_t>(-1);

/// One past the first sentence of `text`, closing quotes and brackets included; kNoSentenceEnd when
/// no end is certain. What follows decides (a small letter goes on with the sentence), so an end is
/// certain only once the sentence behind it has begun: how a text was cut never changes the result.
///   text_complete  nothing will be added; what is left without an end is the last sentence
///   units    bytes of UTF-8
///   source   Unicode UAX 29 (terminators and closers); abbreviations and frequent first words
///            after Kiss and Strunk, "Unsupervised Multilingual Sentence Boundary Detection", 2006
[[nodiscard]] std::size_t find_sentence_end(std::string_view text, bool text_complete) noexcept;

/// Whether a space is missing between `before` and `after`: a sentence ended, and the next piece
/// starts with a capital, as pieces from a source that strips them do.
[[nodiscard]] bool lacks_space(std::string_view before, std::string_view after) noexcept;

}  // namespace millrace::nodes
