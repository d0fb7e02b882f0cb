#include "nodes/text_input/text_source.hpp"

#include <algorithm>
#include <fstream>
#include <system_error>
#include <utility>

#include "millrace/base/text_limits.hpp"
#include "millrace/base/utf8.hpp"
#include "nodes/text_input/plain_text.hpp"

namespace millrace::nodes {
namespace {

using base::Code;

constexpr base::MediaTime kShortestLine{1'000};
constexpr base::MediaTime kLongestLine{60'000'000};
constexpr std::size_t kPieceBytes = 64 << 10;

std::unexpected<base::Error> refuse(std::string message, std::string where) {
  return base::fail(Code::bad_peer_data, std::move(message), std::move(where));
}

/// The bytes of a file, at most one more than the limit: a pipe does not say how long it is.
base::Result<std::string> read(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status))
    return base::fail(Code::unavailable, "no such file, expected text to read", path.string());
  // libstdc++ opens a directory like a file and fails only when it is read.
  if (std::filesystem::is_directory(status))
    return refuse("is a directory, expected a file of text", path.string());
  std::ifstream file(path, std::ios::binary);
  if (!file)
    return base::fail(Code::unavailable, "cannot be opened, expected a readable file of text",
                      path.string());
  std::string content;
  while (file && content.size() <= base::limits::kTextFileBytes) {
    const std::size_t before = content.size();
    content.resize(before + kPieceBytes);
    file.read(content.data() + before, static_cast<std::streamsize>(kPieceBytes));
    content.resize(before + static_cast<std::size_t>(file.gcount()));
  }
  if (file.bad())
    return base::fail(Code::unavailable, "cannot be read to its end, expected a readable file",
                      path.string());
  return content;
}

/// What a file is that is no text, and says so in its first bytes; empty: it does not.
std::string_view other_kind(std::string_view content) {
  if (content.starts_with("RIFF") || content.starts_with("RF64")) return "is audio (WAV)";
  if (content.starts_with("OggS")) return "is audio (Ogg)";
  if (content.starts_with("fLaC")) return "is audio (FLAC)";
  if (content.starts_with("ID3")) return "is audio (MP3)";
  if (content.starts_with("\xFF\xFE") || content.starts_with("\xFE\xFF")) return "is UTF-16";
  return {};
}

base::Result<void> check_line(std::string_view line, const std::string& where) {
  if (line.size() > base::limits::kTextLineBytes)
    return refuse("a line of " + std::to_string(line.size()) + " bytes, expected at most " +
                      std::to_string(base::limits::kTextLineBytes),
                  where);
  const FlawAt flaw = flaw_of(line);
  const std::string column = " at byte " + std::to_string(flaw.at + 1) + " of the line";
  if (flaw.kind == TextFlaw::nul) return refuse("a NUL byte" + column + ", expected text", where);
  if (flaw.kind == TextFlaw::not_utf8) return refuse("not UTF-8" + column, where);
  return {};
}

}  // namespace

base::Result<TextSource> TextSource::open(const std::filesystem::path& path,
                                          const TextOptions& options) {
  return open_joined({&path, 1}, options);
}

base::Result<TextSource> TextSource::open_joined(std::span<const std::filesystem::path> paths,
                                                 const TextOptions& options) {
  if (paths.empty()) return base::fail(Code::bad_argument, "at least one file of text expected");
  if (options.line < kShortestLine || options.line > kLongestLine)
    return base::fail(Code::bad_argument,
                      "lines of " + std::to_string(options.line.count()) +
                          " us asked for: 1 to 60000 ms expected",
                      paths[0].string());
  TextSource source;
  source.options_ = options;
  for (const std::filesystem::path& path : paths)
    if (base::Result<void> added = source.add(path); !added) return std::unexpected(added.error());
  return source;
}

base::Result<void> TextSource::add(const std::filesystem::path& path) {
  const auto content = read(path);
  if (!content) return std::unexpected(content.error());
  const std::string name = path.string();
  if (content->size() > base::limits::kTextFileBytes)
    return refuse("expected at most " + std::to_string(base::limits::kTextFileBytes) +
                      " bytes of text, and there are more",
                  name);
  if (const std::string_view other = other_kind(*content); !other.empty())
    return refuse(std::string(other) + ", expected UTF-8 text", name);
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  const std::size_t first = content->starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  // Flaws come first: NUL bytes alone are no blank line.
  std::size_t number = 0;
  for (std::size_t begin = first; begin < content->size();) {
    const std::size_t end = std::min(content->find('\n', begin), content->size());
    if (auto added = add_line(*content, begin, end, name + ":" + std::to_string(++number)); !added)
      return added;
    begin = end + 1;
  }
  if (base::trimmed(std::string_view(*content).substr(first)).empty())
    return refuse(content->empty() ? "is empty, expected lines of text"
                                   : "has nothing but blank lines, expected text",
                  name);
  return {};
}

base::Result<void> TextSource::add_line(const std::string& content, std::size_t begin,
                                        std::size_t end, const std::string& where) {
  std::string_view line = std::string_view(content).substr(begin, end - begin);
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (const auto good = check_line(line, where); !good) return good;
  text_ += line;
  text_ += '\n';
  ++lines_;
  return {};
}

std::optional<media::Packet> TextSource::next(rt::PayloadPool& pool) {
  if (lines_given_ == lines_) return std::nullopt;
  const std::size_t end = text_.find('\n', at_);
  const std::string_view line =
      std::string_view(text_).substr(at_, end - at_ + (options_.line_ends ? 1 : 0));
  media::Packet packet;
  packet.kind = media::PacketKind::text;
  packet.payload = pool.copy_of(std::as_bytes(std::span(line)));
  if (!packet.payload) {
    out_of_memory_ = true;
    return std::nullopt;
  }
  packet.from = options_.line * static_cast<std::int64_t>(lines_given_);
  packet.to = packet.from + options_.line;
  at_ = end + 1;
  ++lines_given_;
  packet.last = lines_given_ == lines_;
  return packet;
}

std::string TextSource::warning() const {
  return out_of_memory_ ? "no memory for the next line: the input ended early" : "";
}

}  // namespace millrace::nodes
