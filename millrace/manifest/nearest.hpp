#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace millrace::manifest {

/// Edits (insert, remove, replace, swap of neighbours) that turn `a` into `b`: the optimal string
/// alignment form of the Damerau-Levenshtein distance. Case counts, '-' equals '_'.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate that a mistyped `word` most likely means, or empty. A candidate is near within 2
/// edits (1 for words up to 3 letters) or a third of the word's length; the first of equals wins.
[[nodiscard]] std::string_view nearest(std::string_view word,
                                       std::span<const std::string_view> candidates);

/// " (did you mean 'x'?)", or empty when nothing is near: the end of a message.
[[nodiscard]] std::string did_you_mean(std::string_view word,
                                       std::span<const std::string_view> candidates);

}  // namespace millrace::manifest
