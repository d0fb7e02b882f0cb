#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "millrace/base/annotations.hpp"
#include "millrace/base/result.hpp"

namespace millrace::media {

/// The most recent audio of one stream, each frame under its number, so that what was let go by can
/// still be sent. A gap forgets what was before it: what is held is always one unbroken piece.
///   shape    interleaved [frames][channels] float32
///   units    positions and counts are in frames; frame k is at media_time(k, rate)
///   threads  one at a time; after create() nothing allocates or blocks
///   errors   create(): bad_argument for no capacity, more than kMaxSamples, or channels outside
///   1..limits::kMaxChannels
class AudioRing {
 public:
  /// 64 MiB of floats: 5 minutes of mono at 48 kHz. More is a mistake in a parameter.
  static constexpr std::size_t kMaxSamples = std::size_t{1} << 24;

  [[nodiscard]] static base::Result<AudioRing> create(std::size_t capacity_frames,
                                                      std::size_t channels = 1);

  /// Takes `interleaved` as the frames from `from` on; the oldest make room. A `from` other than
  /// end() is a gap: only what is given now is held then.
  void append(std::int64_t from, std::span<const float> interleaved) noexcept MR_NONBLOCKING;
  /// Writes frames [from, to) to the front of `out`. False, and nothing written, when not all of
  /// them are held or `out` has no room.
  [[nodiscard]] bool copy(std::int64_t from, std::int64_t to,
                          std::span<float> out) const noexcept MR_NONBLOCKING;

  /// The first frame held; end() when there is none.
  [[nodiscard]] std::int64_t oldest() const noexcept { return oldest_; }
  /// The frame after the last one held.
  [[nodiscard]] std::int64_t end() const noexcept { return end_; }
  [[nodiscard]] std::size_t capacity_frames() const noexcept { return capacity_; }
  [[nodiscard]] std::size_t channels() const noexcept { return channels_; }

 private:
  AudioRing(std::size_t capacity_frames, std::size_t channels);

  std::size_t capacity_;
  std::size_t channels_;
  std::vector<float> samples_;  ///< frame k stands at k modulo capacity_
  std::int64_t oldest_ = 0;
  std::int64_t end_ = 0;
};

}  // namespace millrace::media
