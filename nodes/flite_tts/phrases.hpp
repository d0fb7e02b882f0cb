#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace millrace::nodes {

/// Sentences of more words than this are cut at a comma.
inline constexpr std::size_t kMostWords = 12;
/// What is cut off has at least as many words as this: fewer sound torn off.
inline constexpr std::size_t kFewestWords = 3;

/// The words of `text`: what stands between spaces.
[[nodiscard]] std::vector<std::string_view> words_of(std::string_view text);

/// What is spoken of `text`, in order, in the pieces that a synthesiser is given one after another:
/// a sentence, or the part of a long one up to a comma, and never more than 300 bytes. Each has
/// something to say; spaces at its ends are left out. Views into `text`, in its own spelling.
///   short_first  the first is its first kFewestWords words, where as many follow: it is made
///   sooner
[[nodiscard]] std::vector<std::string_view> phrases(std::string_view text,
                                                    bool short_first = false);

}  // namespace millrace::nodes
