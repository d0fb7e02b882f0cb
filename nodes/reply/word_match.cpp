#include "nodes/reply/word_match.hpp"

#include "millrace/base/utf8.hpp"

namespace millrace::nodes {
namespace {

using base::CodePoint;
using base::decode_utf8;

/// Scripts written without spaces between words: Thai, Lao, Burmese, Khmer, Kana, Han.
bool stands_alone(char32_t c) noexcept {
  return (c >= 0x0E00 && c <= 0x0EFF) || (c >= 0x1000 && c <= 0x109F) ||
         (c >= 0x1780 && c <= 0x17FF) || (c >= 0x3040 && c <= 0x30FF) ||
         (c >= 0x3400 && c <= 0x9FFF) || (c >= 0xF900 && c <= 0xFAFF) ||
         (c >= 0x20000 && c <= 0x3FFFF);
}

bool is_word_character(char32_t c) noexcept {
  if (c < 0x80)
    return (c >= U'a' && c <= U'z') || (c >= U'A' && c <= U'Z') || (c >= U'0' && c <= U'9');
  const bool punctuation = c < 0xAA || c == 0xAB || c == 0xBB || c == 0xBF || c == 0xD7 ||
                           c == 0xF7 || (c >= 0x2000 && c <= 0x206F) ||
                           (c >= 0x3000 && c <= 0x303F) || (c >= 0xFF00 && c <= 0xFF0F) ||
                           (c >= 0xFF1A && c <= 0xFF20) || (c >= 0xFF5B && c <= 0xFF65) ||
                           c == 0x060C || c == 0x061B || c == 0x061F || c == 0x06D4 ||
                           c == 0x0964 || c == 0x0965 || c == 0xFFFD;
  return !punctuation;
}

bool is_apostrophe(char32_t c) noexcept {
  return c == U'\'' || c == U'’';
}

/// The words of a text, one at a time.
class WordReader {
 public:
  explicit WordReader(std::string_view text) noexcept : rest_(text) {}

  /// The next word as it is written; empty at the end. An apostrophe within a word belongs to it.
  std::string_view next() noexcept {
    while (!rest_.empty() && !is_word_character(decode_utf8(rest_).value))
      rest_.remove_prefix(decode_utf8(rest_).size_bytes);
    std::size_t size = 0;
    while (size < rest_.size()) {
      const CodePoint here = decode_utf8(rest_.substr(size));
      if (stands_alone(here.value)) {
        if (size == 0) size = here.size_bytes;
        break;
      }
      const bool within =
          is_apostrophe(here.value) &&
          is_word_character(decode_utf8(rest_.substr(size + here.size_bytes)).value);
      if (!is_word_character(here.value) && !within) break;
      size += here.size_bytes;
    }
    const std::string_view word = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return word;
  }

 private:
  std::string_view rest_;
};

char32_t folded(char32_t c) noexcept {
  return is_apostrophe(c) ? U'\'' : base::lower_case(c);
}

bool is_same(const std::u32string& pattern, std::string_view word) noexcept {
  std::size_t i = 0;
  while (!word.empty()) {
    const CodePoint here = decode_utf8(word);
    if (i == pattern.size() || pattern[i] != folded(here.value)) return false;
    word.remove_prefix(here.size_bytes);
    ++i;
  }
  return i == pattern.size();
}

}  // namespace

WordPattern::WordPattern(std::string_view words) {
  WordReader reader{words};
  for (std::string_view word = reader.next(); !word.empty(); word = reader.next()) {
    std::u32string& added = words_.emplace_back();
    for (; !word.empty(); word.remove_prefix(decode_utf8(word).size_bytes))
      added += folded(decode_utf8(word).value);
  }
}

bool WordPattern::found_in(std::string_view text) const noexcept {
  if (!has_words()) return false;
  WordReader start{text};
  for (;;) {
    WordReader here = start;
    std::size_t matched = 0;
    while (matched < words_.size() && is_same(words_[matched], here.next())) ++matched;
    if (matched == words_.size()) return true;
    if (start.next().empty()) return false;
  }
}

}  // namespace millrace::nodes
