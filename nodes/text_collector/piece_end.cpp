#include "nodes/text_collector/piece_end.hpp"

#include <algorithm>
#include <array>

#include "nodes/text_collector/marks.hpp"

namespace millrace::nodes {
namespace {

using base::CodePoint;
using base::decode_utf8;

/// Ends of a clause where a space follows: "1,000" and "10:30" go on.
constexpr std::u32string_view kSoftClauseMarks = U",;:–،؛·";
/// Ends of a clause whatever follows: Chinese, Japanese, Ethiopic and Burmese; the long dash.
constexpr std::u32string_view kHardClauseMarks = U"、，；：፣፤፥၊—";
/// Two or three words, or four Chinese characters: what is shorter sounds torn off.
constexpr std::size_t kLeastClauseBytes = 12;
/// How far behind the longest piece is looked for what decides about a stop at its end.
constexpr std::size_t kLookaheadBytes = 64;

struct CodePoints {
  char32_t first;
  char32_t last;
};
/// What belongs to the character before it.
///   source  Unicode 15, Grapheme_Cluster_Break = Extend or SpacingMark of the scripts in use
constexpr std::array<CodePoints, 30> kExtenders{{
    {0x300, 0x36F},   {0x483, 0x489},   {0x591, 0x5BD},     {0x5BF, 0x5C7},     {0x610, 0x61A},
    {0x64B, 0x65F},   {0x670, 0x670},   {0x6D6, 0x6DC},     {0x6DF, 0x6E4},     {0x6E7, 0x6ED},
    {0xE31, 0xE31},   {0xE33, 0xE3A},   {0xE47, 0xE4E},     {0xEB1, 0xEB1},     {0xEB3, 0xEBC},
    {0xEC8, 0xECE},   {0x102B, 0x103E}, {0x135D, 0x135F},   {0x17B4, 0x17D3},   {0x1AB0, 0x1AFF},
    {0x1DC0, 0x1DFF}, {0x200C, 0x200D}, {0x20D0, 0x20FF},   {0x302A, 0x302F},   {0x3099, 0x309A},
    {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}, {0x1F3FB, 0x1F3FF}, {0xE0020, 0xE007F}, {0xE0100, 0xE01EF},
}};

bool extends(char32_t value) noexcept {
  // The Indian scripts from Devanagari to Malayalam are laid out alike, 128 places each.
  if (value >= 0x900 && value < 0xD80) {
    const char32_t place = value & 0x7F;
    return place <= 0x03 || place == 0x3C || (place >= 0x3E && place <= 0x4F) ||
           (place >= 0x51 && place <= 0x57) || place == 0x62 || place == 0x63;
  }
  return std::ranges::any_of(kExtenders, [&](const CodePoints& range) {
    return value >= range.first && value <= range.last;
  });
}

std::size_t skip_closers(std::string_view text, std::size_t at) noexcept {
  while (at < text.size()) {
    const CodePoint here = decode_utf8(text.substr(at));
    if (!is_in(kClosers, here.value)) break;
    at += here.size_bytes;
  }
  return at;
}

/// Where the last word that fits in `limit` bytes ends, else the last character that does.
std::size_t last_word_or_character(std::string_view text, std::size_t limit) noexcept {
  constexpr char32_t kJoiner = 0x200D;
  const std::size_t first = skip_spaces(text, 0);
  std::size_t space = 0;
  std::size_t character = 0;
  std::size_t code_point = 0;
  char32_t before = 0;
  for (std::size_t at = 0; at < text.size() && at <= limit;) {
    const CodePoint here = decode_utf8(text.substr(at));
    if (base::is_space(here.value) && at > first && !base::is_space(before)) space = at;
    if (!extends(here.value) && before != kJoiner) character = at;
    code_point = at;
    before = here.value;
    at += here.size_bytes;
  }
  if (space > 0) return space;
  return character > 0 ? character : std::max<std::size_t>(code_point, 1);
}

std::size_t best_cut(std::string_view text, std::size_t most) noexcept {
  const std::size_t clause = last_clause_end(text, most);
  // A cut near the front would leave a long rest to be cut again.
  if (clause != kNoSentenceEnd && clause > most / 4) return clause;
  return last_word_or_character(text, most);
}

}  // namespace

std::size_t last_clause_end(std::string_view text, std::size_t limit) noexcept {
  text = without_cut_character(text);
  const std::size_t first = skip_spaces(text, 0);
  std::size_t found = kNoSentenceEnd;
  for (std::size_t at = first; at < text.size() && at < limit;) {
    const CodePoint here = decode_utf8(text.substr(at));
    at += here.size_bytes;
    const bool hard = is_in(kHardClauseMarks, here.value);
    if (!hard && !is_in(kSoftClauseMarks, here.value)) continue;
    at = skip_closers(text, at);
    if (at > limit || skip_spaces(text, at) == text.size()) break;
    const bool ends = hard || base::is_space(decode_utf8(text.substr(at)).value);
    if (ends && at - first >= kLeastClauseBytes) found = at;
  }
  return found;
}

std::size_t find_piece_end(std::string_view text, bool text_complete, std::size_t most) noexcept {
  const bool too_long = text.size() > most + kLookaheadBytes;
  if (too_long) text = text.substr(0, most + kLookaheadBytes);
  if (too_long || !text_complete) text = without_cut_character(text);
  const bool decide = text_complete || too_long;
  const std::size_t end = find_sentence_end(text, decide);
  if (end != kNoSentenceEnd) return end <= most ? end : best_cut(text, most);
  return decide && text.size() > most ? best_cut(text, most) : kNoSentenceEnd;
}

}  // namespace millrace::nodes
