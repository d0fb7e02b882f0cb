#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace millrace::nodes {

/// A word, or several in a row, that is looked for in what was said: case and punctuation do not
/// count, and "hour" is not found in "hours". In scripts that are written without spaces each
/// character is a word, so that any run of them is found.
///   threads  read by any
class WordPattern {
 public:
  WordPattern() = default;
  explicit WordPattern(std::string_view words);

  /// False for a pattern in which no word was.
  [[nodiscard]] bool has_words() const noexcept { return !words_.empty(); }
  /// Whether the words stand in `text`, one behind the other. No allocation; linear in `text` times
  /// the words of the pattern at most.
  [[nodiscard]] bool found_in(std::string_view text) const noexcept;

 private:
  std::vector<std::u32string> words_;  ///< in lower case
};

}  // namespace millrace::nodes
