#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <variant>

#include "millrace/base/result.hpp"
#include "millrace/media/raw.hpp"
#include "millrace/media/wav.hpp"

namespace millrace::nodes {

/// Frames of one audio file, with a header or without.
///   threads  worker, one at a time; blocks on the file
class FrameReader {
 public:
  [[nodiscard]] static base::Result<FrameReader> open(const std::filesystem::path& path,
                                                      const std::optional<media::RawFormat>& raw);

  /// Frames written to the front of `interleaved`: all that fit, or less at the end.
  std::int64_t read(std::span<float> interleaved);

  [[nodiscard]] std::int32_t rate_hz() const noexcept;
  [[nodiscard]] std::int32_t channels() const noexcept;
  /// None for a pipe that does not say.
  [[nodiscard]] std::optional<std::int64_t> frames() const noexcept { return frames_; }
  [[nodiscard]] std::string warning() const;

 private:
  using Reader = std::variant<media::WavReader, media::RawReader>;
  FrameReader(Reader reader, std::optional<std::int64_t> frames)
      : reader_(std::move(reader)), frames_(frames) {}

  Reader reader_;
  std::optional<std::int64_t> frames_;
};

}  // namespace millrace::nodes
