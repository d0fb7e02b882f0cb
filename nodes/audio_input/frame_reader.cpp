#include "nodes/audio_input/frame_reader.hpp"

#include <system_error>
#include <utility>

namespace millrace::nodes {
namespace {

/// Whole frames of a file without a header; none for what is no regular file.
std::optional<std::int64_t> raw_frames(const std::filesystem::path& path,
                                       const media::RawFormat& format) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return std::nullopt;
  const std::uintmax_t bytes = std::filesystem::file_size(path, error);
  if (error) return std::nullopt;
  const std::size_t frame_bytes =
      media::convert::sample_bytes(format.format) * static_cast<std::size_t>(format.channels);
  return static_cast<std::int64_t>(bytes / frame_bytes);
}

}  // namespace

base::Result<FrameReader> FrameReader::open(const std::filesystem::path& path,
                                            const std::optional<media::RawFormat>& raw) {
  if (raw) {
    base::Result<media::RawReader> reader = media::RawReader::open(path, *raw);
    if (!reader) return std::unexpected(reader.error());
    return FrameReader{Reader{std::move(*reader)}, raw_frames(path, *raw)};
  }
  base::Result<media::WavReader> reader = media::WavReader::open(path);
  if (!reader) return std::unexpected(reader.error());
  std::optional<std::int64_t> frames;
  if (reader->frames()) frames = static_cast<std::int64_t>(*reader->frames());
  return FrameReader{Reader{std::move(*reader)}, frames};
}

std::int64_t FrameReader::read(std::span<float> interleaved) {
  const auto channel_count = static_cast<std::size_t>(channels());
  std::int64_t frames = 0;
  // A pipe gives what it has: only nothing at all is the end.
  while (interleaved.size() >= channel_count) {
    const std::size_t got = std::visit([&](auto& r) { return r.read(interleaved); }, reader_);
    if (got == 0) break;
    frames += static_cast<std::int64_t>(got);
    interleaved = interleaved.subspan(got * channel_count);
  }
  return frames;
}

std::int32_t FrameReader::rate_hz() const noexcept {
  return std::visit([](const auto& r) { return r.rate_hz(); }, reader_);
}

std::int32_t FrameReader::channels() const noexcept {
  return std::visit([](const auto& r) { return r.channels(); }, reader_);
}

std::string FrameReader::warning() const {
  return std::visit([](const auto& r) { return r.warning(); }, reader_);
}

}  // namespace millrace::nodes
