#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace millrace::nodes {

/// Longest piece of text that a synthesiser is given at once; bounds the work between two stops.
inline constexpr std::size_t kMaxSentenceBytes = 300;

/// `text` as printable ASCII for an English synthesiser: typographic quotes, dashes and dots become
/// plain ones, letters lose their accents, control characters and all else become spaces.
[[nodiscard]] std::string speakable(std::string_view text);

/// The sentences of speakable `text`, in order, each with at least one letter or digit. One ends
/// behind . ! ? ; or : where a space follows, or, when longer than kMaxSentenceBytes, at the last
/// comma, else space, before that, else right there.
[[nodiscard]] std::vector<std::string> sentences(std::string_view text);

}  // namespace millrace::nodes
