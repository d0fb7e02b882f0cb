#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "millrace/base/annotations.hpp"
#include "millrace/base/result.hpp"
#include "millrace/base/time.hpp"

namespace millrace::media {

/// How much delay and work a conversion may cost. `edge` is half the lower of the two rates.
/// Measured by resampler_test at 48 -> 16 kHz (edge 8 kHz), in the same order for other ratios:
///            delay    flat to (ripple)            rejected          from
///   low      0.98 ms  0.80 edge (< 0.01 dB)       >= 60 dB          1.0625 edge (8.5 kHz)
///   medium   2.98 ms  0.88 edge (< 0.001 dB)      >= 80 dB          1.00 edge
///   high     6.15 ms  0.93 edge (< 0.001 dB)      >= 100 dB         1.00 edge
/// The delay is a number of periods of the lower rate: at 48 -> 8 kHz it is twice as long.
enum class ResampleQuality : std::uint8_t { low, medium, high };

[[nodiscard]] std::string_view name(ResampleQuality quality) noexcept;
[[nodiscard]] std::optional<ResampleQuality> resample_quality(std::string_view name) noexcept;

/// The coefficients of one conversion: a linear-phase windowed sinc (Kaiser), cut into one row per
/// output phase. Immutable, so all sessions with the same conversion can share one.
///   units    taps and delay are in input frames; every row has the gain 1 at 0 Hz
///   errors   bad_argument: a rate outside limits, or a ratio whose table would pass
///   kMaxCoefficients source   Kaiser, "Nonrecursive digital filter design using the I0-sinh
///   window", 1974
class FilterBank {
 public:
  /// 4 MiB of floats. The worst pair of the common rates, high quality, needs an eighth of it.
  static constexpr std::size_t kMaxCoefficients = std::size_t{1} << 20;

  [[nodiscard]] static base::Result<std::shared_ptr<const FilterBank>> create(
      std::int32_t in_rate_hz, std::int32_t out_rate_hz, ResampleQuality quality);

  [[nodiscard]] std::int32_t in_rate_hz() const noexcept { return in_rate_hz_; }
  [[nodiscard]] std::int32_t out_rate_hz() const noexcept { return out_rate_hz_; }
  /// Output frames per `step()` input frames: out / in as a reduced fraction phases / step.
  [[nodiscard]] std::int64_t phases() const noexcept { return phases_; }
  [[nodiscard]] std::int64_t step() const noexcept { return step_; }
  /// Input frames that must follow an instant before the output of that instant exists.
  [[nodiscard]] std::size_t delay_frames() const noexcept { return half_; }
  [[nodiscard]] bool identity() const noexcept { return phases_ == step_; }
  /// Coefficients in a row: a multiple of 16.
  [[nodiscard]] std::size_t taps() const noexcept { return taps_; }
  [[nodiscard]] std::span<const float> row(std::size_t phase) const noexcept {
    return {coefficients_.data() + phase * taps_, taps_};
  }

 private:
  FilterBank() = default;
  void design(double cutoff, double beta);

  std::int32_t in_rate_hz_ = 0;
  std::int32_t out_rate_hz_ = 0;
  std::int64_t phases_ = 1;
  std::int64_t step_ = 1;
  std::size_t half_ = 0;
  std::size_t taps_ = 0;
  std::vector<float> coefficients_;
};

/// Changes the rate of one stream; input of any length, output as soon as it exists.
/// Output frame k stands for the input instant k / out_rate exactly (the delay of the filter is
/// taken out: k = 0 needs delay_frames() + 1 input frames). What comes out is the same to the bit
/// however the input and output were cut, on every call pattern and machine without fused
/// multiply-add. A NaN put in is gone from the output taps() input frames later.
///   shape    interleaved [frames][channels] float32
///   units    counts are in frames unless a name says otherwise
///   threads  one at a time; after create() nothing allocates or blocks
///   errors   create(): bad_argument for channels outside 1..limits::kMaxChannels
class Resampler {
 public:
  struct Step {
    std::size_t consumed = 0;
    std::size_t produced = 0;
  };

  [[nodiscard]] static base::Result<Resampler> create(std::int32_t in_rate_hz,
                                                      std::int32_t out_rate_hz,
                                                      ResampleQuality quality,
                                                      std::size_t channels = 1);
  [[nodiscard]] static base::Result<Resampler> create(std::shared_ptr<const FilterBank> bank,
                                                      std::size_t channels = 1);

  /// Takes from the front of `in` and writes to the front of `out`. All of `in` is taken when `out`
  /// has room for max_output(frames of `in`); otherwise call again with the rest.
  Step process(std::span<const float> in, std::span<float> out) noexcept MR_NONBLOCKING;
  /// Ends the stream: the output that still waits for input, computed as if silence followed, until
  /// ceil(frames_in * out_rate / in_rate) frames came out. Frames written; fewer than `out` holds
  /// means the end. After it only flush() and reset() may be called.
  std::size_t flush(std::span<float> out) noexcept MR_NONBLOCKING;
  /// Back to the state after create(): no history, time 0.
  void reset() noexcept MR_NONBLOCKING;

  /// Exactly the frames that process() gives for `in_frames` more of input and an `out` that is
  /// large enough, output still waiting for room included.
  [[nodiscard]] std::size_t max_output(std::size_t in_frames) const noexcept MR_NONBLOCKING;
  /// Exactly the frames that flush() would give now.
  [[nodiscard]] std::size_t flush_output() const noexcept MR_NONBLOCKING;

  [[nodiscard]] std::size_t delay_frames() const noexcept { return bank_->delay_frames(); }
  [[nodiscard]] base::MediaTime delay() const noexcept {
    return base::media_time(static_cast<std::int64_t>(delay_frames()), bank_->in_rate_hz());
  }
  [[nodiscard]] const FilterBank& bank() const noexcept { return *bank_; }
  [[nodiscard]] std::size_t channels() const noexcept { return channels_; }

 private:
  Resampler(std::shared_ptr<const FilterBank> bank, std::size_t channels);
  [[nodiscard]] bool output_waits() const noexcept {
    return center_ + bank_->delay_frames() < filled_;
  }
  [[nodiscard]] std::int64_t outputs_due(std::int64_t in_frames) const noexcept;
  Step copy(std::span<const float> in, std::span<float> out) noexcept;
  std::size_t emit(std::span<float> out) noexcept;
  std::size_t absorb(const float* in, std::size_t frames) noexcept;

  std::shared_ptr<const FilterBank> bank_;  // shared: immutable, one for all sessions
  std::size_t channels_ = 1;
  std::size_t stride_ = 0;      ///< frames of room for each channel in history_
  std::vector<float> history_;  ///< planar [channels][stride_]
  std::size_t filled_ = 0;      ///< frames in each channel of history_
  std::size_t center_ = 0;      ///< where in history_ the instant of the next output lies ...
  std::int64_t phase_ = 0;      ///< ... plus phase_ / phases of a frame
  std::int64_t frames_in_ = 0;
  std::int64_t frames_out_ = 0;
  std::size_t silence_left_ = 0;  ///< of the silence that flush() appends
  bool ended_ = false;
};

}  // namespace millrace::media
