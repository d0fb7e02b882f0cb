#include "millrace/media/wav.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <string_view>
#include <system_error>
#include <utility>

#include "millrace/base/limits.hpp"

namespace millrace::media {
namespace {

using base::Code;
using base::Result;

constexpr std::uint32_t kHeaderBytes = 44;
constexpr std::uint64_t kMaxDataBytes = 0xFFFFFFFF - (kHeaderBytes - 8);
constexpr std::streamoff kRiffSizeAt = 4;
constexpr std::streamoff kDataSizeAt = 40;

using HeaderBytes = std::array<unsigned char, kHeaderBytes>;

void put(std::span<unsigned char> to, std::uint64_t value) {
  for (unsigned char& byte : to) {
    byte = static_cast<unsigned char>(value & 0xFF);
    value >>= 8;
  }
}

HeaderBytes make_header(std::int32_t rate_hz, std::int32_t channels) {
  HeaderBytes bytes{};
  const std::span all(bytes);
  constexpr std::string_view kFixed = "RIFF....WAVEfmt ";
  std::copy(kFixed.begin(), kFixed.end(), bytes.begin());
  const auto frame_bytes = static_cast<std::uint64_t>(channels) * 2;
  put(all.subspan(4, 4), kHeaderBytes - 8);
  put(all.subspan(16, 4), 16);
  put(all.subspan(20, 2), 1);
  put(all.subspan(22, 2), static_cast<std::uint64_t>(channels));
  put(all.subspan(24, 4), static_cast<std::uint64_t>(rate_hz));
  put(all.subspan(28, 4), static_cast<std::uint64_t>(rate_hz) * frame_bytes);
  put(all.subspan(32, 2), frame_bytes);
  put(all.subspan(34, 2), 16);
  constexpr std::string_view kData = "data";
  std::copy(kData.begin(), kData.end(), bytes.begin() + 36);
  return bytes;
}

Result<void> check_layout(std::int32_t rate_hz, std::int32_t channels) {
  namespace limits = base::limits;
  if (rate_hz < limits::kMinRateHz || rate_hz > limits::kMaxRateHz)
    return base::fail(Code::bad_argument, "rate " + std::to_string(rate_hz) + " Hz, expected " +
                                              std::to_string(limits::kMinRateHz) + " to " +
                                              std::to_string(limits::kMaxRateHz));
  if (channels < 1 || channels > limits::kMaxChannels)
    return base::fail(Code::bad_argument, std::to_string(channels) + " channels, expected 1 to " +
                                              std::to_string(limits::kMaxChannels));
  return {};
}

}  // namespace

Result<WavReader> WavReader::open(const std::filesystem::path& path) {
  auto source = detail::open_file(path);
  if (!source) return std::unexpected(source.error());
  auto header = parse_wav_header(*source->stream, source->size_bytes);
  if (!header) {
    base::Error error = header.error();
    error.where = path.string() + ": " + error.where;
    return std::unexpected(std::move(error));
  }
  return WavReader(*header, *std::move(source));
}

WavReader::WavReader(WavHeader header, detail::Source source)
    : header_(header),
      size_known_(source.size_bytes.has_value()),
      samples_(nullptr, header.format, static_cast<std::size_t>(header.channels), std::nullopt) {
  const auto frame_bytes = static_cast<std::int64_t>(header.frame_bytes());
  const auto to_frames = [&](std::int64_t bytes) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(0, bytes) / frame_bytes);
  };
  if (header.data_bytes) {
    declared_frames_ = to_frames(*header.data_bytes);
    rest_bytes_ = *header.data_bytes % frame_bytes;
  }
  frames_ = declared_frames_;
  if (source.size_bytes) {
    const std::int64_t bytes = std::max<std::int64_t>(0, *source.size_bytes - header.data_offset);
    const std::uint64_t present = to_frames(bytes);
    frames_ = std::min(declared_frames_.value_or(present), present);
    if (!header.data_bytes) rest_bytes_ = bytes % frame_bytes;
  }
  samples_ = detail::SampleStream(std::move(source.stream), header.format,
                                  static_cast<std::size_t>(header.channels), frames_);
}

std::optional<WavReader::Truncation> WavReader::truncated() const noexcept {
  if (!declared_frames_) return std::nullopt;
  if (samples_.ended()) return Truncation{*declared_frames_, samples_.frames_read()};
  if (size_known_ && *frames_ < *declared_frames_) return Truncation{*declared_frames_, *frames_};
  return std::nullopt;
}

std::string WavReader::warning() const {
  std::string text;
  if (const auto lost = truncated())
    text = "truncated: the header promises " + std::to_string(lost->declared_frames) +
           " frames, the file holds " + std::to_string(lost->present_frames);
  const std::int64_t rest =
      rest_bytes_ > 0 ? rest_bytes_ : static_cast<std::int64_t>(samples_.rest_bytes());
  if (text.empty() && rest > 0)
    text = "the last " + std::to_string(rest) + " bytes of its samples are no whole frame (" +
           std::to_string(header_.frame_bytes()) + " bytes) and were left out";
  if (scrubbed() > 0) {
    if (!text.empty()) text += "; ";
    text += std::to_string(scrubbed()) +
            " samples are not audio (NaN, infinite, denormal or huge) and were set to 0";
  }
  return text;
}

/// The open file and what has gone into it; closing is in the destructor so that moves stay plain.
struct WavWriter::File {
  std::string path;
  std::ofstream stream;
  std::int32_t rate_hz = 0;
  std::size_t channels = 1;
  std::uint64_t data_bytes = 0;
  std::uint64_t synced_bytes = 0;
  std::optional<base::Error> error;

  ~File() {
    if (stream.is_open()) static_cast<void>(sync());
  }

  Result<void> failed(Code code, std::string message) {
    error = base::Error{code, std::move(message), path};
    return std::unexpected(*error);
  }
  Result<void> check_stream(std::string_view doing) {
    if (stream.good()) return {};
    const std::string reason =
        errno != 0 ? std::generic_category().message(errno) : "the system gave no reason";
    return failed(Code::unavailable, std::string(doing) + " failed: " + reason +
                                         ", expected room on a disk that can be written");
  }
  void write_size(std::streamoff at, std::uint64_t size) {
    std::array<unsigned char, 4> bytes{};
    put(bytes, size);
    stream.seekp(at);
    stream.write(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  Result<void> sync() {
    if (error) return std::unexpected(*error);
    errno = 0;
    // The samples reach the system first: the header never promises what is not there.
    stream.flush();
    write_size(kDataSizeAt, data_bytes);
    write_size(kRiffSizeAt, kHeaderBytes - 8 + data_bytes);
    stream.seekp(0, std::ios::end);
    stream.flush();
    synced_bytes = data_bytes;
    return check_stream("writing");
  }
  Result<void> append(std::span<const float> samples) {
    std::array<std::byte, 8192> bytes;
    errno = 0;
    while (!samples.empty()) {
      const std::size_t count = convert::encode_s16(samples, bytes);
      stream.write(reinterpret_cast<const char*>(bytes.data()),
                   static_cast<std::streamsize>(count * 2));
      if (auto ok = check_stream("writing"); !ok) return ok;
      data_bytes += count * 2;
      samples = samples.subspan(count);
    }
    return {};
  }
};

WavWriter::WavWriter(std::unique_ptr<File> file) : file_(std::move(file)) {}
WavWriter::WavWriter(WavWriter&&) noexcept = default;
WavWriter& WavWriter::operator=(WavWriter&&) noexcept = default;
WavWriter::~WavWriter() = default;

Result<WavWriter> WavWriter::create(const std::filesystem::path& path, std::int32_t rate_hz,
                                    std::int32_t channels) {
  if (auto ok = check_layout(rate_hz, channels); !ok) {
    ok.error().where = path.string();
    return std::unexpected(ok.error());
  }
  auto file = std::make_unique<File>();
  file->path = path.string();
  file->rate_hz = rate_hz;
  file->channels = static_cast<std::size_t>(channels);
  errno = 0;
  file->stream.open(path, std::ios::binary | std::ios::trunc);
  if (auto ok = file->check_stream("creating the file"); !ok) return std::unexpected(ok.error());
  const HeaderBytes header = make_header(rate_hz, channels);
  file->stream.write(reinterpret_cast<const char*>(header.data()), header.size());
  if (auto ok = file->sync(); !ok) return std::unexpected(ok.error());
  return WavWriter(std::move(file));
}

Result<void> WavWriter::write(std::span<const float> interleaved) {
  File& file = *file_;
  if (file.error) return std::unexpected(*file.error);
  if (!file.stream.is_open())
    return base::fail(Code::bad_argument, "write after close, expected an open file", file.path);
  if (interleaved.size() % file.channels != 0)
    return base::fail(Code::bad_argument,
                      std::to_string(interleaved.size()) + " samples, expected whole frames of " +
                          std::to_string(file.channels),
                      file.path);
  if (interleaved.size() * 2 > kMaxDataBytes - file.data_bytes)
    return base::fail(Code::overloaded, "a WAV file holds 4 GiB, expected a shorter recording",
                      file.path);
  if (auto ok = file.append(interleaved); !ok) return ok;
  const std::uint64_t second = static_cast<std::uint64_t>(file.rate_hz) * file.channels * 2;
  if (file.data_bytes - file.synced_bytes >= second) return file.sync();
  return {};
}

Result<void> WavWriter::sync() {
  if (!file_->stream.is_open()) return {};
  return file_->sync();
}

Result<void> WavWriter::close() {
  if (!file_->stream.is_open()) return {};
  auto ok = file_->sync();
  file_->stream.close();
  return ok;
}

std::uint64_t WavWriter::frames() const noexcept {
  return file_->data_bytes / (file_->channels * 2);
}

}  // namespace millrace::media
