#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "millrace/base/result.hpp"
#include "millrace/media/convert.hpp"
#include "millrace/media/detail/sample_stream.hpp"

namespace millrace::media {

/// What a file without a header holds; its user has to know.
struct RawFormat {
  convert::SampleFormat format = convert::SampleFormat::s16;
  std::int32_t rate_hz = 16'000;
  std::int32_t channels = 1;
};

/// Samples of a headerless little-endian file or pipe as float32, read in pieces.
///   shape    [frames][channels] interleaved
///   threads  worker, one at a time; blocks on the file
///   errors   open(): unavailable (not there), bad_argument (rate or channels outside limits),
///            bad_peer_data (empty file, directory)
class RawReader {
 public:
  [[nodiscard]] static base::Result<RawReader> open(const std::filesystem::path& path,
                                                    RawFormat format);

  /// Frames written to the front of `interleaved`; 0 at the end. Samples that are not audio (see
  /// convert::scrub) come out as 0 and are counted.
  std::size_t read(std::span<float> interleaved) { return samples_.read(interleaved); }

  [[nodiscard]] std::int32_t rate_hz() const noexcept { return format_.rate_hz; }
  [[nodiscard]] std::int32_t channels() const noexcept { return format_.channels; }
  [[nodiscard]] std::uint64_t scrubbed() const noexcept { return samples_.scrubbed(); }
  /// One line for the user, at the end: a last frame that was not whole, samples scrubbed. Or
  /// empty.
  [[nodiscard]] std::string warning() const;

 private:
  RawReader(RawFormat format, detail::Source source);

  RawFormat format_;
  detail::SampleStream samples_;
};

}  // namespace millrace::media
