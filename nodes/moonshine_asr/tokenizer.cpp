#include "nodes/moonshine_asr/tokenizer.hpp"

#include <fstream>
#include <iterator>

namespace millrace::nodes {
namespace {

constexpr std::size_t kFirstOrdinary = 3;  // <unk>, <s>, </s>
constexpr std::string_view kSpace = "\xe2\x96\x81";
constexpr std::size_t kMaxTokens = 1 << 20;

bool special(std::size_t id, std::string_view token) {
  return id < kFirstOrdinary || token.starts_with("<<ST_");
}

/// Length of the UTF-8 character at the front of `text`; 0 when there is none. Overlong forms and
/// surrogates are none.
std::size_t character_length(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = at(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((at(i) & 0xc0) != 0x80) return 0;
  if (lead == 0xe0 && at(1) < 0xa0) return 0;
  if (lead == 0xed && at(1) > 0x9f) return 0;
  if (lead == 0xf0 && at(1) < 0x90) return 0;
  if (lead == 0xf4 && at(1) > 0x8f) return 0;
  return length;
}

}  // namespace

base::Result<MoonshineTokenizer> MoonshineTokenizer::load(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    return base::fail(base::Code::unavailable, "the tokens cannot be opened", path.string());
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  auto parsed = parse(bytes);
  if (!parsed) parsed.error().where = path.string() + ": " + parsed.error().where;
  return parsed;
}

base::Result<MoonshineTokenizer> MoonshineTokenizer::parse(std::string_view bytes) {
  MoonshineTokenizer made;
  std::size_t at = 0;
  const auto broken = [&](std::string why) {
    return base::fail(base::Code::bad_peer_data, std::move(why), "byte " + std::to_string(at));
  };
  while (at < bytes.size()) {
    std::size_t length = static_cast<unsigned char>(bytes[at]);
    std::size_t prefix = 1;
    if (length >= 128) {
      if (at + 1 >= bytes.size()) return broken("the list ends inside a length");
      length += static_cast<unsigned char>(bytes[at + 1]) * std::size_t{128} - 128;
      prefix = 2;
    }
    if (length > bytes.size() - at - prefix) return broken("the list ends inside a token");
    if (made.tokens_.size() == kMaxTokens) return broken("there are more than 2^20 tokens");
    made.tokens_.emplace_back(bytes.substr(at + prefix, length));
    at += prefix + length;
  }
  if (made.tokens_.size() <= kFirstOrdinary) return broken("there are no tokens");
  return made;
}

std::string MoonshineTokenizer::text(std::span<const std::int32_t> tokens) const {
  std::string raw;
  for (const std::int32_t token : tokens) {
    const auto id = static_cast<std::size_t>(token);
    if (token >= 0 && id < tokens_.size() && !special(id, tokens_[id])) raw += tokens_[id];
  }
  std::string text;
  for (std::string_view rest = raw; !rest.empty();) {
    const std::size_t length = character_length(rest);
    const auto character = rest.substr(0, length);
    if (character == kSpace || character == " ") {
      if (!text.empty()) text += ' ';
    } else if (length > 0 && character != std::string_view("\0", 1)) {
      text += character;
    }
    rest.remove_prefix(length == 0 ? 1 : length);
  }
  while (text.ends_with(' ')) text.pop_back();
  return text;
}

}  // namespace millrace::nodes
