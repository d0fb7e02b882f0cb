#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "millrace/base/result.hpp"
#include "millrace/media/packet.hpp"
#include "millrace/media/wav.hpp"

namespace millrace::nodes {

/// Writes what one session let out to a WAV file, block behind block, without the silence between.
/// The first block decides rate and channels; until it comes there is no file, unless close() makes
/// an empty one.
///   threads  worker, one at a time; blocks on the file
///   errors   write(): bad_argument (no audio, or another format than the first), and what
///            media::WavWriter says; `where` is the path. A refused block changes nothing, the
///            next one of the right format is written.
class WavSink {
 public:
  explicit WavSink(std::filesystem::path path) : path_(std::move(path)) {}

  [[nodiscard]] base::Result<void> write(const media::Packet& packet);
  /// Ends the file; writing after that is refused. A sink that got no audio leaves an empty WAV of
  /// 16 kHz, so that whoever waits for the file finds one that opens.
  [[nodiscard]] base::Result<void> close();

  [[nodiscard]] std::uint64_t frames() const noexcept { return writer_ ? writer_->frames() : 0; }

 private:
  [[nodiscard]] std::unexpected<base::Error> refuse(std::string message) const;
  [[nodiscard]] base::Result<void> open(std::int32_t rate_hz, std::int16_t channels);

  std::filesystem::path path_;
  std::optional<media::WavWriter> writer_;
  std::int32_t rate_hz_ = 0;
  std::int16_t channels_ = 0;
  bool closed_ = false;
};

}  // namespace millrace::nodes
