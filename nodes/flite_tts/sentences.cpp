#include "nodes/flite_tts/sentences.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>

namespace millrace::nodes {
namespace {

struct Spelling {
  std::string_view utf8, ascii;
};

constexpr std::array kSpellings{
    Spelling{"\u2018", "'"},         Spelling{"\u2019", "'"},      Spelling{"\u201c", "\""},
    Spelling{"\u201d", "\""},        Spelling{"\u2013", ", "},     Spelling{"\u2014", ", "},
    Spelling{"\u2026", "..."},       Spelling{"\u20ac", " euro "}, Spelling{"\u00a3", " pound "},
    Spelling{"\u00b0", " degrees "}, Spelling{"\u00e6", "ae"},     Spelling{"\u00c6", "Ae"},
    Spelling{"\u0153", "oe"},        Spelling{"\u00df", "ss"}};

/// Letters of U+00C0 to U+00FF without their accents; a space where there is no such letter.
constexpr std::string_view kPlainLetters =
    "AAAAAA CEEEEIIIIDNOOOOO OUUUUY  aaaaaa ceeeeiiiidnooooo ouuuuy y";
static_assert(kPlainLetters.size() == 64);

bool word_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0;
}

/// One past the end of the first sentence of `text`.
std::size_t sentence_end(std::string_view text) {
  for (std::size_t i = 0; i < std::min(text.size(), kMaxSentenceBytes); ++i) {
    const bool stop = std::string_view(".!?;:").find(text[i]) != std::string_view::npos;
    if (stop && (i + 1 == text.size() || text[i + 1] == ' ')) return i + 1;
  }
  if (text.size() <= kMaxSentenceBytes) return text.size();
  const auto head = text.substr(0, kMaxSentenceBytes);
  for (const std::string_view mark : {", ", " "})
    if (const auto at = head.rfind(mark); at != std::string_view::npos && at > 0) return at + 1;
  return kMaxSentenceBytes;
}

}  // namespace

std::string speakable(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  while (!text.empty()) {
    const auto lead = static_cast<unsigned char>(text.front());
    if (lead < 0x80) {
      plain += lead > 0x20 && lead < 0x7f ? text.front() : ' ';
      text.remove_prefix(1);
      continue;
    }
    const auto* spelling = std::ranges::find_if(
        kSpellings, [&](const Spelling& known) { return text.starts_with(known.utf8); });
    if (spelling != kSpellings.end()) {
      plain += spelling->ascii;
      text.remove_prefix(spelling->utf8.size());
      continue;
    }
    if (lead == 0xc3 && text.size() > 1 && (static_cast<unsigned char>(text[1]) & 0xc0) == 0x80) {
      plain += kPlainLetters[static_cast<unsigned char>(text[1]) & 0x3f];
      text.remove_prefix(2);
      continue;
    }
    plain += ' ';
    text.remove_prefix(1);
    while (!text.empty() && (static_cast<unsigned char>(text.front()) & 0xc0) == 0x80)
      text.remove_prefix(1);
  }
  return plain;
}

std::vector<std::string> sentences(std::string_view text) {
  const std::string plain = speakable(text);
  std::vector<std::string> result;
  for (std::string_view rest = plain; !rest.empty();) {
    if (rest.front() == ' ') {
      rest.remove_prefix(1);
      continue;
    }
    const std::size_t end = sentence_end(rest);
    const auto sentence = rest.substr(0, end);
    if (std::ranges::any_of(sentence, word_character)) result.emplace_back(sentence);
    rest.remove_prefix(end);
  }
  return result;
}

}  // namespace millrace::nodes
