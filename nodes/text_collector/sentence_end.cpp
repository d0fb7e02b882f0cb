#include "nodes/text_collector/sentence_end.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "millrace/base/utf8.hpp"
#include "nodes/text_collector/marks.hpp"

namespace millrace::nodes {
namespace {

using base::CodePoint;
using base::decode_utf8;

/// Ends of a sentence whatever follows: Chinese and Japanese, Arabic, Urdu, Devanagari, Armenian,
/// Ethiopic, Thai, Khmer, Burmese and Tibetan full stops and question marks.
constexpr std::u32string_view kHardEnds = U"。！？｡؟۔।॥։።፧፨๚๛៕។။།༎";
constexpr std::u32string_view kSoftEnds = U".!?…‼⁇⁈⁉";
constexpr std::u32string_view kOpeners = U"\"'([{“‘„‚«‹「『【（［〈《¿¡—–-•*";

/// Thai and Lao are written without full stops: a space stands between clauses and sentences alike.
/// From so many characters on, it ends a sentence.
constexpr std::size_t kUnmarkedSentenceChars = 60;

/// Always followed by more of the sentence.
constexpr std::array<std::string_view, 31> kTitles{
    "mr",  "mrs", "ms",  "mx",  "dr",  "prof", "gen", "col",    "sgt", "capt", "lt",
    "rev", "hon", "gov", "sen", "rep", "pres", "mt",  "messrs", "mme", "mlle", "vs",
    "cf",  "fr",  "hr",  "bzw", "ca",  "sra",  "dra", "e.g",    "i.e"};
/// Titles only where a number follows ("No. 5", "Fig. 2").
constexpr std::array<std::string_view, 10> kNumbered{"no", "nos", "nr", "fig", "vol",
                                                     "p",  "pp",  "ch", "art", "sec"};
/// May stand at the end of a sentence or within: the next word decides.
constexpr std::array<std::string_view, 24> kEither{
    "st",  "jr", "sr",  "inc", "ltd", "corp", "co",  "bros", "ave",  "blvd", "dept", "approx",
    "est", "al", "jan", "feb", "apr", "jun",  "jul", "aug",  "sept", "oct",  "nov",  "dec"};
/// Words that often begin a sentence, and seldom go on after an abbreviation.
constexpr std::array<std::string_view, 60> kFirstWords{
    "a",       "after", "also",  "an",     "and",   "are",  "as",    "at",    "before", "but",
    "can",     "could", "do",    "does",   "for",   "he",   "her",   "here",  "his",    "how",
    "however", "i",     "if",    "in",     "is",    "it",   "its",   "let",   "my",     "no",
    "now",     "on",    "our",   "please", "she",   "so",   "sorry", "thank", "thanks", "that",
    "the",     "their", "then",  "there",  "these", "they", "this",  "those", "we",     "what",
    "when",    "where", "while", "who",    "why",   "will", "would", "yes",   "you",    "your"};

bool is_digit(char32_t value) noexcept {
  return value >= U'0' && value <= U'9';
}

/// Whether `word` is one of `words`, which are in lower case.
bool is_one_of(std::span<const std::string_view> words, std::string_view word) noexcept {
  return std::ranges::any_of(words, [&](std::string_view known) {
    return std::ranges::equal(known, word, [](char a, char b) {
      return static_cast<char32_t>(static_cast<unsigned char>(a)) ==
             base::lower_case(static_cast<unsigned char>(b));
    });
  });
}

std::size_t skip_openers(std::string_view text, std::size_t at) noexcept {
  while (at < text.size()) {
    const CodePoint here = decode_utf8(text.substr(at));
    if (!is_in(kOpeners, here.value)) break;
    at += here.size_bytes;
  }
  return at;
}

bool is_letter_byte(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
}

/// The word that ends right before `at`, from the last space or opening mark on.
std::string_view word_before(std::string_view text, std::size_t at) noexcept {
  std::size_t begin = at;
  while (begin > 0) {
    const char c = text[begin - 1];
    if (c == ' ' || (c >= '\t' && c <= '\r') || c == '(' || c == '[' || c == '"' || c == '\'')
      break;
    --begin;
  }
  return text.substr(begin, at - begin);
}

/// "U.S", "a.m", "Ph.D": letters with dots between them, one or two at a time.
bool is_dotted(std::string_view word) noexcept {
  std::size_t letters = 0;
  bool dotted = false;
  for (const char c : word) {
    if (c == '.') {
      if (letters == 0) return false;
      dotted = true;
      letters = 0;
    } else if (!is_letter_byte(c) || ++letters > 2) {
      return false;
    }
  }
  return dotted && letters > 0;
}

enum class Verdict { ends, goes_on, undecided };

/// Whether the next word, which begins at `next`, is a usual first word of a sentence.
Verdict by_first_word(std::string_view text, std::size_t next, bool text_complete) noexcept {
  std::size_t end = next;
  while (end < text.size() && is_letter_byte(text[end])) ++end;
  if (end == text.size() && !text_complete) return Verdict::undecided;
  // One more initial: "A. I. Smith".
  if (end - next == 1 && end < text.size() && text[end] == '.') return Verdict::goes_on;
  return is_one_of(kFirstWords, text.substr(next, end - next)) ? Verdict::ends : Verdict::goes_on;
}

/// What a full stop at `dot` means when a capital, a figure or another script begins at `next`.
Verdict full_stop(std::string_view text, std::size_t dot, std::size_t next,
                  bool text_complete) noexcept {
  const std::string_view word = word_before(text, dot);
  if (word.empty()) return Verdict::goes_on;
  if (is_one_of(kTitles, word)) return Verdict::goes_on;
  if (is_digit(static_cast<unsigned char>(text[next])) && is_one_of(kNumbered, word))
    return Verdict::goes_on;
  const bool figures =
      std::ranges::all_of(word, [](char c) { return is_digit(static_cast<unsigned char>(c)); });
  if (figures && skip_spaces(text, 0) + word.size() == dot) return Verdict::goes_on;  // "1. Eggs"
  const bool initial = decode_utf8(word).size_bytes == word.size() && is_letter_byte(word[0]);
  if (initial || is_dotted(word) || is_one_of(kEither, word))
    return by_first_word(text, next, text_complete);
  return Verdict::ends;
}

bool is_unmarked_script(char32_t value) noexcept {
  return value >= 0xE00 && value <= 0xEFF;
}

bool has_blank_line(std::string_view spaces) noexcept {
  return std::ranges::count(spaces, '\n') >= 2;
}

/// Terminators and closing marks in a row.
struct Run {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::size_t ends = 0;  ///< how many terminators
  bool hard = false;
};

Run run_at(std::string_view text, std::size_t begin) noexcept {
  Run run{begin, begin, 0, false};
  while (run.end < text.size()) {
    const CodePoint here = decode_utf8(text.substr(run.end));
    const bool hard = is_in(kHardEnds, here.value);
    const bool soft = is_in(kSoftEnds, here.value);
    if (!hard && !soft && (run.ends == 0 || !is_in(kClosers, here.value))) break;
    run.hard = run.hard || hard;
    run.ends += hard || soft ? 1 : 0;
    run.end += here.size_bytes;
  }
  return run;
}

/// Whether a sentence ends with `run`, and where the search goes on if not.
Verdict judge(std::string_view text, const Run& run, bool text_complete) noexcept {
  const std::size_t after = skip_spaces(text, run.end);
  if (after == text.size()) return Verdict::undecided;
  if (run.hard) return Verdict::ends;
  if (after == run.end) return Verdict::goes_on;  // 3.14, example.com
  if (has_blank_line(text.substr(run.end, after - run.end))) return Verdict::ends;
  const std::size_t next = skip_openers(text, after);
  if (next == text.size()) return Verdict::undecided;
  if (base::is_lower_case(decode_utf8(text.substr(next)).value)) return Verdict::goes_on;
  if (text[run.begin] == '.' && run.ends == 1)
    return full_stop(text, run.begin, next, text_complete);
  return Verdict::ends;
}

}  // namespace

std::size_t find_sentence_end(std::string_view text, bool text_complete) noexcept {
  // Half a character says nothing about the whole.
  if (!text_complete) text = without_cut_character(text);
  std::size_t at = skip_spaces(text, 0);
  std::size_t chars = 0;
  char32_t before = 0;
  while (at < text.size()) {
    const Run run = run_at(text, at);
    if (run.ends > 0) {
      const Verdict verdict = judge(text, run, text_complete);
      if (verdict == Verdict::ends) return run.end;
      if (verdict == Verdict::undecided) return kNoSentenceEnd;
      at = run.end;
      continue;
    }
    const CodePoint here = decode_utf8(text.substr(at));
    if (!base::is_space(here.value)) {
      before = here.value;
      at += here.size_bytes;
      ++chars;
      continue;
    }
    const std::size_t after = skip_spaces(text, at);
    if (after == text.size()) return kNoSentenceEnd;
    if (has_blank_line(text.substr(at, after - at))) return at;
    if (chars >= kUnmarkedSentenceChars && is_unmarked_script(before) &&
        is_unmarked_script(decode_utf8(text.substr(after)).value))
      return at;
    at = after;
  }
  return kNoSentenceEnd;
}

bool lacks_space(std::string_view before, std::string_view after) noexcept {
  if (before.empty() || after.empty()) return false;
  const char end = before.back();
  if (end != '.' && end != '!' && end != '?') return false;
  const char32_t first = decode_utf8(after).value;
  if (base::lower_case(first) == first) return false;
  const std::string_view word = word_before(before, before.size() - 1);
  return word.size() > 1 && !is_dotted(word);
}

}  // namespace millrace::nodes
