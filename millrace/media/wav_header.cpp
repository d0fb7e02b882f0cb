#include "millrace/media/wav_header.hpp"

#include <algorithm>
#include <array>
#include <istream>
#include <limits>
#include <spanstream>
#include <string>
#include <string_view>

#include "millrace/base/limits.hpp"

namespace millrace::media {
namespace {

using base::Code;
using base::Result;

constexpr std::uint32_t kUnknownSize = 0xFFFFFFFF;
/// A real file has a handful; the bound keeps a file full of empty chunks from costing hours.
constexpr int kMaxChunks = 1024;
constexpr std::size_t kFmtMin = 16;
constexpr std::size_t kFmtExtensible = 40;
constexpr std::uint32_t kTagPcm = 1;
constexpr std::uint32_t kTagFloat = 3;
constexpr std::uint32_t kTagExtensible = 0xFFFE;
/// Bytes 2 to 15 of every sub-format GUID that is a format tag (ksmedia.h, KSDATAFORMAT_SUBTYPE_*).
constexpr std::array<unsigned char, 14> kGuidTail{0x00, 0x00, 0x00, 0x00, 0x10, 0x00, 0x80,
                                                  0x00, 0x00, 0xAA, 0x00, 0x38, 0x9B, 0x71};

using Bytes = std::span<const unsigned char>;

std::uint32_t u16(Bytes bytes, std::size_t at) {
  return bytes[at] | bytes[at + 1] << 8;
}
std::uint32_t u32(Bytes bytes, std::size_t at) {
  return u16(bytes, at) | u16(bytes, at + 2) << 16;
}

/// A chunk name for a message: what cannot be printed becomes '?'.
std::string printable(Bytes bytes) {
  std::string text = "'";
  for (const unsigned char c : bytes.first(std::min<std::size_t>(bytes.size(), 4)))
    text += c >= 0x20 && c < 0x7F ? static_cast<char>(c) : '?';
  return text + "'";
}

std::unexpected<base::Error> bad(std::int64_t at, std::string message) {
  return base::fail(Code::bad_peer_data, std::move(message), "byte " + std::to_string(at));
}

/// The stream with its position, so that every message can say where.
class Cursor {
 public:
  Cursor(std::istream& stream, std::optional<std::int64_t> size) : stream_(stream), size_(size) {}

  [[nodiscard]] std::int64_t at() const { return at_; }
  [[nodiscard]] std::optional<std::int64_t> left() const {
    if (!size_) return std::nullopt;
    return std::max<std::int64_t>(0, *size_ - at_);
  }
  /// Bytes read; fewer than asked for at the end of the stream.
  std::size_t read(std::span<unsigned char> to) {
    stream_.read(reinterpret_cast<char*>(to.data()), static_cast<std::streamsize>(to.size()));
    at_ += stream_.gcount();
    return static_cast<std::size_t>(stream_.gcount());
  }
  /// False when the stream ends first.
  bool skip(std::int64_t count) {
    if (const auto rest = left()) {
      if (count > *rest) return false;
      stream_.seekg(count, std::ios::cur);
      at_ += count;
      return stream_.good();
    }
    stream_.ignore(count);
    at_ += stream_.gcount();
    return stream_.gcount() == count;
  }

 private:
  std::istream& stream_;
  std::optional<std::int64_t> size_;
  std::int64_t at_ = 0;
};

/// The RIFF header; its size field.
Result<std::uint32_t> read_riff(Cursor& cursor) {
  std::array<unsigned char, 12> bytes{};
  const std::size_t got = cursor.read(bytes);
  const Bytes head = Bytes(bytes).first(got);
  if (got == 0) return bad(0, "file is empty, expected a RIFF/WAVE header");
  if (printable(head) != "'RIFF'")
    return bad(0, "starts with " + printable(head) + ", expected 'RIFF': not a WAV file");
  if (got < bytes.size())
    return bad(cursor.at(), "file ends inside the RIFF header, expected 12 bytes");
  if (printable(head.subspan(8)) != "'WAVE'")
    return bad(8, "RIFF type " + printable(head.subspan(8)) + ", expected 'WAVE'");
  return u32(head, 4);
}

/// The format tag, looked up in the sub-format where the chunk is extensible.
Result<std::uint32_t> format_tag(Bytes fmt, std::int64_t at) {
  const std::uint32_t tag = u16(fmt, 0);
  if (tag != kTagExtensible) return tag;
  if (fmt.size() < kFmtExtensible || u16(fmt, 16) < 22)
    return bad(at, "extensible format in a fmt chunk of " + std::to_string(fmt.size()) +
                       " bytes, expected 40 with an extension of 22");
  if (!std::equal(kGuidTail.begin(), kGuidTail.end(), fmt.begin() + 26))
    return bad(at + 24, "unknown sub-format, expected the GUID of PCM or float");
  return u16(fmt, 24);
}

Result<convert::SampleFormat> sample_format(Bytes fmt, std::int64_t at) {
  const auto tag = format_tag(fmt, at);
  if (!tag) return std::unexpected(tag.error());
  const std::uint32_t bits = u16(fmt, 14);
  if (*tag == kTagPcm && bits == 16) return convert::SampleFormat::s16;
  if (*tag == kTagPcm && bits == 24) return convert::SampleFormat::s24;
  if (*tag == kTagFloat && bits == 32) return convert::SampleFormat::f32;
  constexpr std::string_view kExpected = ", expected PCM of 16 or 24 bits or float of 32 bits";
  if (*tag != kTagPcm && *tag != kTagFloat)
    return bad(at, "format tag " + std::to_string(*tag) + std::string(kExpected));
  return bad(at + 14, (*tag == kTagPcm ? "PCM of " : "float of ") + std::to_string(bits) + " bits" +
                          std::string(kExpected));
}

Result<WavHeader> check_fmt(Bytes fmt, std::int64_t at) {
  namespace limits = base::limits;
  const auto format = sample_format(fmt, at);
  if (!format) return std::unexpected(format.error());
  const std::uint32_t channels = u16(fmt, 2);
  const std::uint32_t rate = u32(fmt, 4);
  const std::uint32_t align = u16(fmt, 12);
  if (channels < 1 || channels > limits::kMaxChannels)
    return bad(at + 2, std::to_string(channels) + " channels, expected 1 to " +
                           std::to_string(limits::kMaxChannels));
  if (rate < limits::kMinRateHz || rate > limits::kMaxRateHz)
    return bad(at + 4, "rate " + std::to_string(rate) + " Hz, expected " +
                           std::to_string(limits::kMinRateHz) + " to " +
                           std::to_string(limits::kMaxRateHz));
  WavHeader header;
  header.format = *format;
  header.channels = static_cast<std::int32_t>(channels);
  header.rate_hz = static_cast<std::int32_t>(rate);
  if (align != header.frame_bytes())
    return bad(at + 12, "block alignment of " + std::to_string(align) + " bytes, expected " +
                            std::to_string(header.frame_bytes()) + " for " +
                            std::to_string(channels) + " x " + std::string(convert::name(*format)));
  return header;
}

Result<WavHeader> read_fmt(Cursor& cursor, std::uint32_t size) {
  const std::int64_t at = cursor.at();
  if (size < kFmtMin)
    return bad(at, "fmt chunk of " + std::to_string(size) + " bytes, expected at least 16");
  std::array<unsigned char, kFmtExtensible> bytes{};
  const std::size_t wanted = std::min<std::size_t>(size, bytes.size());
  const std::int64_t rest = std::int64_t{size} - static_cast<std::int64_t>(wanted) + (size & 1);
  if (cursor.read(std::span(bytes).first(wanted)) < wanted || !cursor.skip(rest))
    return bad(cursor.at(),
               "file ends inside the fmt chunk, expected its " + std::to_string(size) + " bytes");
  return check_fmt(Bytes(bytes).first(wanted), at);
}

/// Where the samples are and how many bytes of them the file promises.
WavHeader at_data(WavHeader header, const Cursor& cursor, std::uint32_t size,
                  std::uint32_t riff_size) {
  header.data_offset = cursor.at();
  // A writer that died before it finished leaves a RIFF that ends where the samples begin; they are
  // there all the same. A data chunk that is really empty is followed by nothing, or by chunks that
  // the RIFF size covers.
  const bool unfinished = size == 0 && std::int64_t{riff_size} + 8 <= header.data_offset;
  if (size != kUnknownSize && !unfinished) header.data_bytes = size;
  return header;
}

Result<WavHeader> parse(Cursor& cursor) {
  const auto riff_size = read_riff(cursor);
  if (!riff_size) return std::unexpected(riff_size.error());
  std::optional<WavHeader> header;
  for (int chunk = 0; chunk < kMaxChunks; ++chunk) {
    const std::int64_t at = cursor.at();
    std::array<unsigned char, 8> bytes{};
    if (cursor.read(bytes) < bytes.size())
      return bad(at, header ? "file ends before its samples, expected a 'data' chunk"
                            : "file ends before its format, expected a 'fmt ' chunk");
    const std::string id = printable(Bytes(bytes));
    const std::uint32_t size = u32(bytes, 4);
    if (id == "'data'") {
      if (!header) return bad(at, "'data' chunk comes first, expected 'fmt ' before it");
      return at_data(*header, cursor, size, *riff_size);
    }
    if (id == "'fmt '") {
      if (header) return bad(at, "second 'fmt ' chunk, expected 'data'");
      auto read = read_fmt(cursor, size);
      if (!read) return read;
      header = *read;
    } else if (!cursor.skip(std::int64_t{size} + (size & 1))) {
      return bad(at, "chunk " + id + " of " + std::to_string(size) +
                         " bytes goes past the end of the file, expected a 'data' chunk");
    }
  }
  return bad(cursor.at(), "more than " + std::to_string(kMaxChunks) +
                              " chunks before the samples, expected a 'data' chunk");
}

}  // namespace

Result<WavHeader> parse_wav_header(std::span<const std::byte> file) {
  std::ispanstream stream(
      std::span<const char>(reinterpret_cast<const char*>(file.data()), file.size()));
  return parse_wav_header(stream, static_cast<std::int64_t>(file.size()));
}

Result<WavHeader> parse_wav_header(std::istream& stream, std::optional<std::int64_t> size_bytes) {
  Cursor cursor(stream, size_bytes);
  return parse(cursor);
}

}  // namespace millrace::media
