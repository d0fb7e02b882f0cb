#include "millrace/node/sentence_merge.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

namespace millrace::node {
namespace {

constexpr std::string_view kSpace = " \t\r\n\f\v";
constexpr std::array<std::string_view, 24> kPauses{
    ".",      "!",      "?",      ",",      ";",      ":",      "\u2026", "\u3002",
    "\uFF01", "\uFF1F", "\uFF0C", "\u3001", "\uFF1B", "\uFF1A", "\u0964", "\u061F",
    "\u06D4", "\u060C", "\u061B", "\u2014", "\u2013", "-",      "\uFF0E", "\uFF61"};
constexpr std::array<std::string_view, 12> kClosers{
    "\"", "'", ")", "]", "}", "\u201D", "\u2019", "\u00BB", "\u203A", "\u300D", "\u300F", "\uFF09"};

std::string_view trimmed(std::string_view text) noexcept {
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) + 1 - first);
}

template <std::size_t n>
std::size_t ends_in(std::string_view text, const std::array<std::string_view, n>& marks) noexcept {
  const auto found = std::find_if(marks.begin(), marks.end(),
                                  [&](std::string_view mark) { return text.ends_with(mark); });
  return found == marks.end() ? 0 : found->size();
}

bool pauses(std::string_view piece) noexcept {
  while (const std::size_t closer = ends_in(piece, kClosers)) piece.remove_suffix(closer);
  return piece.empty() || ends_in(piece, kPauses) > 0;
}

/// Whether `piece` ends in kana or an ideograph of the Basic Multilingual Plane: U+3040 to U+30FF,
/// U+3400 to U+9FFF.
bool ends_in_ideograph(std::string_view piece) noexcept {
  if (piece.size() < 3) return false;
  const auto byte = [&](std::size_t i) {
    return static_cast<unsigned char>(piece[piece.size() - 3 + i]);
  };
  if ((byte(0) & 0xF0U) != 0xE0U) return false;
  const unsigned code = (byte(0) & 0x0FU) << 12U | (byte(1) & 0x3FU) << 6U | (byte(2) & 0x3FU);
  return (code >= 0x3040 && code <= 0x30FF) || (code >= 0x3400 && code <= 0x9FFF);
}

base::Result<media::Packet> join(std::span<const media::Packet> inputs, PayloadSource& payloads) {
  std::vector<std::string_view> pieces;
  for (const media::Packet& input : inputs) pieces.push_back(input.text());
  const std::string text = join_sentences(pieces);
  media::Packet joined;
  joined.kind = media::PacketKind::text;
  joined.payload = payloads.acquire(text.size());
  if (!joined.payload) return base::fail(base::Code::overloaded, "no memory for the joined text");
  if (!text.empty()) std::memcpy(joined.payload.writable().data(), text.data(), text.size());
  return joined;
}

}  // namespace

std::string join_sentences(std::span<const std::string_view> pieces) {
  std::string text;
  for (const std::string_view written : pieces) {
    const std::string_view piece = trimmed(written);
    if (piece.empty()) continue;
    if (!text.empty()) {
      const bool wide = ends_in_ideograph(text);
      if (!pauses(text)) text += wide ? "\u3002" : ".";
      if (!wide) text += ' ';
    }
    text += piece;
  }
  return text;
}

MergeType sentence_merge() {
  return {.name = "concatenate_sentences",
          .kind = media::PacketKind::text,
          .summary = "text, with a full stop where a piece ends in no punctuation: a voice pauses",
          .join = join};
}

}  // namespace millrace::node
