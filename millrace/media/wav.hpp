#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "millrace/base/result.hpp"
#include "millrace/media/detail/sample_stream.hpp"
#include "millrace/media/wav_header.hpp"

namespace millrace::media {

/// Samples of a WAV file (PCM of 16 or 24 bits, float of 32 bits, 8 to 48 kHz, plain or extensible)
/// as float32, read in pieces. A file with fewer samples than its header promises plays what is
/// there and says so.
///   shape    [frames][channels] interleaved
///   threads  worker, one at a time; blocks on the file
///   errors   open(): unavailable (not there), bad_peer_data (`where` is "path: byte N")
class WavReader {
 public:
  struct Truncation {
    std::uint64_t declared_frames = 0;
    std::uint64_t present_frames = 0;
  };

  [[nodiscard]] static base::Result<WavReader> open(const std::filesystem::path& path);

  /// Frames written to the front of `interleaved`; 0 at the end. Samples that are not audio (see
  /// convert::scrub) come out as 0 and are counted.
  std::size_t read(std::span<float> interleaved) { return samples_.read(interleaved); }

  [[nodiscard]] std::int32_t rate_hz() const noexcept { return header_.rate_hz; }
  [[nodiscard]] std::int32_t channels() const noexcept { return header_.channels; }
  [[nodiscard]] convert::SampleFormat format() const noexcept { return header_.format; }
  /// Frames that read() will give in all; none for a pipe whose header does not say.
  [[nodiscard]] std::optional<std::uint64_t> frames() const noexcept { return frames_; }
  /// Present when samples are missing: for a file from open() on, for a pipe once it has ended.
  [[nodiscard]] std::optional<Truncation> truncated() const noexcept;
  /// One line for the user when the file is truncated, ends inside a frame or had samples scrubbed;
  /// else empty.
  [[nodiscard]] std::string warning() const;
  [[nodiscard]] std::uint64_t scrubbed() const noexcept { return samples_.scrubbed(); }

 private:
  WavReader(WavHeader header, detail::Source source);

  WavHeader header_;
  std::optional<std::uint64_t> declared_frames_;
  std::optional<std::uint64_t> frames_;
  std::int64_t rest_bytes_ = 0;  ///< of an unfinished frame behind the last whole one
  bool size_known_ = false;
  detail::SampleStream samples_;
};

/// A WAV file of 16-bit PCM that is complete up to the last sync() at any moment, so that an
/// interrupted program leaves a file that plays. Syncs itself for every second of audio.
///   threads  worker, one at a time; blocks on the file
///   errors   create(): bad_argument (rate, channels), unavailable (cannot be made). write(),
///   sync(),
///            close(): unavailable (disk full), overloaded (4 GiB reached); an error stays
class WavWriter {
 public:
  [[nodiscard]] static base::Result<WavWriter> create(const std::filesystem::path& path,
                                                      std::int32_t rate_hz, std::int32_t channels);
  WavWriter(WavWriter&&) noexcept;
  WavWriter& operator=(WavWriter&&) noexcept;
  ~WavWriter();  ///< close(); whoever needs the answer calls it

  /// Appends whole frames, rounded by the rule of convert::to_s16().
  base::Result<void> write(std::span<const float> interleaved);
  /// Hands everything to the system and brings the sizes in the header up to date.
  base::Result<void> sync();
  base::Result<void> close();

  [[nodiscard]] std::uint64_t frames() const noexcept;

 private:
  struct File;
  explicit WavWriter(std::unique_ptr<File> file);

  std::unique_ptr<File> file_;
};

}  // namespace millrace::media
