#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "millrace/base/result.hpp"
#include "millrace/media/convert.hpp"

namespace millrace::media::detail {

/// A byte stream to read from, and its length where that is known (a file, not a pipe).
struct Source {
  std::unique_ptr<std::istream> stream;
  std::optional<std::int64_t> size_bytes;
};

/// Opens a file for reading.
///   errors  unavailable: not there or not readable; bad_peer_data: a directory, or larger than
///           limits::kMaxAudioFileBytes
[[nodiscard]] base::Result<Source> open_file(const std::filesystem::path& path);

/// Interleaved samples from a byte stream, decoded and scrubbed block by block.
///   shape    [frames][channels] float32
///   threads  worker, one at a time; read() blocks on the stream
///   errors   none: a stream that fails or ends inside a frame ends before that frame
class SampleStream {
 public:
  /// `frames` bounds what is read; without it the stream is read to its end.
  SampleStream(std::unique_ptr<std::istream> stream, convert::SampleFormat format,
               std::size_t channels, std::optional<std::uint64_t> frames);
  SampleStream(SampleStream&&) noexcept;
  SampleStream& operator=(SampleStream&&) noexcept;
  ~SampleStream();

  /// Frames written to the front of `interleaved`; 0 when the stream has ended.
  std::size_t read(std::span<float> interleaved);

  [[nodiscard]] std::uint64_t frames_read() const noexcept { return frames_read_; }
  [[nodiscard]] std::uint64_t scrubbed() const noexcept { return scrubbed_; }
  /// Bytes of an unfinished frame at the end of the stream, once it has ended.
  [[nodiscard]] std::size_t rest_bytes() const noexcept { return rest_bytes_; }
  /// The stream ended, or failed, before the bound.
  [[nodiscard]] bool ended() const noexcept { return ended_; }

 private:
  std::unique_ptr<std::istream> stream_;
  convert::SampleFormat format_;
  std::size_t channels_;
  std::optional<std::uint64_t> frames_left_;
  std::vector<std::byte> bytes_;
  std::uint64_t frames_read_ = 0;
  std::uint64_t scrubbed_ = 0;
  std::size_t rest_bytes_ = 0;
  bool ended_ = false;
};

}  // namespace millrace::media::detail
