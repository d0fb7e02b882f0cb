#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <span>

#include "millrace/base/result.hpp"
#include "millrace/media/convert.hpp"

namespace millrace::media {

/// What the chunks before the samples of a WAV file say, checked against the limits.
///   source  Microsoft and IBM, "Multimedia Programming Interface and Data Specifications 1.0",
///           1991 (RIFF, WAVE); Microsoft, "Multiple channel audio data and WAVE files", 2001
///           (WAVE_FORMAT_EXTENSIBLE)
struct WavHeader {
  convert::SampleFormat format = convert::SampleFormat::s16;
  std::int32_t rate_hz = 0;
  std::int32_t channels = 0;
  std::int64_t data_offset = 0;  ///< byte of the first sample
  /// Bytes of samples as declared; none when the writer did not know them (0xFFFFFFFF, or a header
  /// that was never finished): then the samples go to the end of the file.
  std::optional<std::int64_t> data_bytes;

  [[nodiscard]] std::size_t frame_bytes() const noexcept {
    return convert::sample_bytes(format) * static_cast<std::size_t>(channels);
  }
};

/// Reads the header from the front of a whole file in memory, or of a stream, which is left at the
/// first sample. `size_bytes` is the length of the stream, where known. Reads forward only and
/// allocates nothing that a number in the header could make larger.
///   errors  bad_peer_data: anything that is not a WAV file we can play; `where` is "byte N"
[[nodiscard]] base::Result<WavHeader> parse_wav_header(std::span<const std::byte> file);
[[nodiscard]] base::Result<WavHeader> parse_wav_header(std::istream& stream,
                                                       std::optional<std::int64_t> size_bytes);

}  // namespace millrace::media
