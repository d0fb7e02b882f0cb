#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "millrace/base/annotations.hpp"

/// Sample formats and channel layouts, turned into each other. Inside the runtime audio is always
/// interleaved float32 with full scale at 1.0.
///   threads  any; nothing here allocates, blocks or fails
namespace millrace::media::convert {

/// Encodings that files and wires carry, all little endian.
enum class SampleFormat : std::uint8_t { s16, s24, f32 };

[[nodiscard]] std::string_view name(SampleFormat format) noexcept;
/// The format called "s16", "s24" or "f32".
[[nodiscard]] std::optional<SampleFormat> sample_format(std::string_view name) noexcept;
[[nodiscard]] constexpr std::size_t sample_bytes(SampleFormat format) noexcept {
  return format == SampleFormat::s16 ? 2 : format == SampleFormat::s24 ? 3 : 4;
}

/// One float to 16 bits: x * 32768, ties to even, clipped to [-32768, 32767]; NaN becomes 0.
/// The same factor serves both directions, so 16-bit audio passes through float32 unchanged; only
/// +1.0 itself, which has no 16-bit value, clips to 32767.
[[nodiscard]] std::int16_t to_s16(float x) noexcept MR_NONBLOCKING;

/// As many samples as both sides hold.
void s16_to_f32(std::span<const std::int16_t> in, std::span<float> out) noexcept MR_NONBLOCKING;
void f32_to_s16(std::span<const float> in, std::span<std::int16_t> out) noexcept MR_NONBLOCKING;

/// Little-endian samples to float32; whole samples that fit into `out` only. The number decoded.
///   errors  none: float bytes go through as they are, run scrub() on what comes from outside
std::size_t decode(SampleFormat format, std::span<const std::byte> in,
                   std::span<float> out) noexcept MR_NONBLOCKING;
/// float32 to little-endian 16-bit samples, by the rule of to_s16(). The number encoded.
std::size_t encode_s16(std::span<const float> in, std::span<std::byte> out) noexcept MR_NONBLOCKING;

/// Mean of the channels of each frame; `mono` may be the front of `interleaved` itself.
/// The number of frames written.
std::size_t mixdown(std::span<const float> interleaved, std::size_t channels,
                    std::span<float> mono) noexcept MR_NONBLOCKING;
/// Planar [channels][frames] to interleaved [frames][channels]; both hold frames * channels.
void interleave(std::span<const float> planar, std::size_t channels,
                std::span<float> interleaved) noexcept MR_NONBLOCKING;
/// Interleaved [frames][channels] to planar [channels][frames].
void deinterleave(std::span<const float> interleaved, std::size_t channels,
                  std::span<float> planar) noexcept MR_NONBLOCKING;

/// Magnitudes from here on are not audio: a filter could carry them to infinity, and one infinity
/// never leaves the state of a recurrent model. 2^20 is 26 dB over 16-bit integers kept in floats.
inline constexpr float kNotAudio = 1048576.0F;

/// Replaces what would poison or slow down the nodes behind by 0: NaN, infinities, magnitudes of
/// kNotAudio and more, and denormals (which cost a CPU up to 100 times a normal number). The number
/// replaced.
std::size_t scrub(std::span<float> samples) noexcept MR_NONBLOCKING;

}  // namespace millrace::media::convert
