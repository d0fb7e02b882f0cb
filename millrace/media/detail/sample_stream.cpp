#include "millrace/media/detail/sample_stream.hpp"

#include <algorithm>
#include <fstream>
#include <istream>
#include <string>
#include <system_error>
#include <utility>

#include "millrace/base/limits.hpp"

namespace millrace::media::detail {
namespace {

constexpr std::size_t kBufferBytes = 16 << 10;

}  // namespace

base::Result<Source> open_file(const std::filesystem::path& path) {
  using base::Code;
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status))
    return base::fail(Code::unavailable, "no such file, expected audio to read", path.string());
  // libstdc++ opens a directory like a file and fails only when it is read.
  if (std::filesystem::is_directory(status))
    return base::fail(Code::bad_peer_data, "is a directory, expected an audio file", path.string());

  Source source;
  if (std::filesystem::is_regular_file(status)) {
    const auto size = static_cast<std::int64_t>(std::filesystem::file_size(path, error));
    if (!error) source.size_bytes = size;
  }
  if (source.size_bytes > base::limits::kMaxAudioFileBytes)
    return base::fail(Code::bad_peer_data,
                      "file of " + std::to_string(*source.size_bytes) +
                          " bytes, expected at most " +
                          std::to_string(base::limits::kMaxAudioFileBytes),
                      path.string());
  auto file = std::make_unique<std::ifstream>(path, std::ios::binary);
  if (!file->is_open())
    return base::fail(Code::unavailable, "cannot be opened, expected a readable audio file",
                      path.string());
  source.stream = std::move(file);
  return source;
}

SampleStream::SampleStream(std::unique_ptr<std::istream> stream, convert::SampleFormat format,
                           std::size_t channels, std::optional<std::uint64_t> frames)
    : stream_(std::move(stream)),
      format_(format),
      channels_(channels),
      frames_left_(frames),
      bytes_(kBufferBytes) {}
SampleStream::SampleStream(SampleStream&&) noexcept = default;
SampleStream& SampleStream::operator=(SampleStream&&) noexcept = default;
SampleStream::~SampleStream() = default;

std::size_t SampleStream::read(std::span<float> interleaved) {
  const std::size_t frame_bytes = convert::sample_bytes(format_) * channels_;
  const std::size_t room = interleaved.size() / channels_;
  std::size_t done = 0;
  while (done < room && !ended_) {
    std::size_t frames = std::min(room - done, bytes_.size() / frame_bytes);
    if (frames_left_)
      frames = static_cast<std::size_t>(std::min<std::uint64_t>(frames, *frames_left_));
    if (frames == 0) break;
    stream_->read(reinterpret_cast<char*>(bytes_.data()),
                  static_cast<std::streamsize>(frames * frame_bytes));
    const auto got = static_cast<std::size_t>(stream_->gcount());
    const std::size_t whole = got / frame_bytes;
    if (whole < frames) {
      ended_ = true;
      rest_bytes_ = got % frame_bytes;
    }
    const auto samples = interleaved.subspan(done * channels_, whole * channels_);
    convert::decode(format_, std::span(bytes_).first(whole * frame_bytes), samples);
    if (format_ == convert::SampleFormat::f32) scrubbed_ += convert::scrub(samples);
    if (frames_left_) *frames_left_ -= whole;
    done += whole;
  }
  frames_read_ += done;
  return done;
}

}  // namespace millrace::media::detail
