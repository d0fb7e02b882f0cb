#include "millrace/media/convert.hpp"

#include <algorithm>
#include <bit>

namespace millrace::media::convert {
namespace {

constexpr float kS16Scale = 32768.0F;
constexpr float kS24Scale = 8388608.0F;

std::uint32_t byte_at(std::span<const std::byte> in, std::size_t i) noexcept {
  return std::to_integer<std::uint32_t>(in[i]);
}

float decode_s16(std::span<const std::byte> in, std::size_t i) noexcept {
  const auto word = static_cast<std::uint16_t>(byte_at(in, 2 * i) | byte_at(in, 2 * i + 1) << 8);
  return static_cast<float>(std::bit_cast<std::int16_t>(word)) / kS16Scale;
}

float decode_s24(std::span<const std::byte> in, std::size_t i) noexcept {
  // The sample goes to the top of the word, so that the arithmetic shift brings its sign down.
  const std::uint32_t word =
      byte_at(in, 3 * i) << 8 | byte_at(in, 3 * i + 1) << 16 | byte_at(in, 3 * i + 2) << 24;
  return static_cast<float>(std::bit_cast<std::int32_t>(word) >> 8) / kS24Scale;
}

float decode_f32(std::span<const std::byte> in, std::size_t i) noexcept {
  return std::bit_cast<float>(byte_at(in, 4 * i) | byte_at(in, 4 * i + 1) << 8 |
                              byte_at(in, 4 * i + 2) << 16 | byte_at(in, 4 * i + 3) << 24);
}

}  // namespace

std::string_view name(SampleFormat format) noexcept {
  switch (format) {
    case SampleFormat::s16: return "s16";
    case SampleFormat::s24: return "s24";
    case SampleFormat::f32: return "f32";
  }
  return "unknown";
}

std::optional<SampleFormat> sample_format(std::string_view text) noexcept {
  for (const auto format : {SampleFormat::s16, SampleFormat::s24, SampleFormat::f32})
    if (text == name(format)) return format;
  return std::nullopt;
}

std::int16_t to_s16(float x) noexcept MR_NONBLOCKING {
  // Adding 1.5 * 2^23 leaves no bits for the fraction, so the addition itself rounds to nearest,
  // ties to even. Unlike lrintf() this vectorises without changing the maths flags.
  constexpr float kRound = 12582912.0F;
  const float scaled = x == x ? x * kS16Scale : 0.0F;
  const float rounded = (std::clamp(scaled, -kS16Scale, kS16Scale - 1.0F) + kRound) - kRound;
  return static_cast<std::int16_t>(static_cast<std::int32_t>(rounded));
}

void s16_to_f32(std::span<const std::int16_t> in, std::span<float> out) noexcept MR_NONBLOCKING {
  const std::size_t n = std::min(in.size(), out.size());
  for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<float>(in[i]) / kS16Scale;
}

void f32_to_s16(std::span<const float> in, std::span<std::int16_t> out) noexcept MR_NONBLOCKING {
  const std::size_t n = std::min(in.size(), out.size());
  for (std::size_t i = 0; i < n; ++i) out[i] = to_s16(in[i]);
}

std::size_t decode(SampleFormat format, std::span<const std::byte> in,
                   std::span<float> out) noexcept MR_NONBLOCKING {
  const std::size_t n = std::min(in.size() / sample_bytes(format), out.size());
  switch (format) {
    case SampleFormat::s16:
      for (std::size_t i = 0; i < n; ++i) out[i] = decode_s16(in, i);
      break;
    case SampleFormat::s24:
      for (std::size_t i = 0; i < n; ++i) out[i] = decode_s24(in, i);
      break;
    case SampleFormat::f32:
      for (std::size_t i = 0; i < n; ++i) out[i] = decode_f32(in, i);
      break;
  }
  return n;
}

std::size_t encode_s16(std::span<const float> in,
                       std::span<std::byte> out) noexcept MR_NONBLOCKING {
  const std::size_t n = std::min(in.size(), out.size() / 2);
  for (std::size_t i = 0; i < n; ++i) {
    const auto word = std::bit_cast<std::uint16_t>(to_s16(in[i]));
    out[2 * i] = static_cast<std::byte>(word & 0xFF);
    out[2 * i + 1] = static_cast<std::byte>(word >> 8);
  }
  return n;
}

std::size_t mixdown(std::span<const float> interleaved, std::size_t channels,
                    std::span<float> mono) noexcept MR_NONBLOCKING {
  if (channels == 0) return 0;
  const std::size_t frames = std::min(interleaved.size() / channels, mono.size());
  const float gain = 1.0F / static_cast<float>(channels);
  for (std::size_t frame = 0; frame < frames; ++frame) {
    float sum = 0.0F;
    for (std::size_t c = 0; c < channels; ++c) sum += interleaved[frame * channels + c];
    mono[frame] = sum * gain;
  }
  return frames;
}

void interleave(std::span<const float> planar, std::size_t channels,
                std::span<float> interleaved) noexcept MR_NONBLOCKING {
  if (channels == 0) return;
  const std::size_t frames = std::min(planar.size(), interleaved.size()) / channels;
  for (std::size_t c = 0; c < channels; ++c)
    for (std::size_t frame = 0; frame < frames; ++frame)
      interleaved[frame * channels + c] = planar[c * frames + frame];
}

void deinterleave(std::span<const float> interleaved, std::size_t channels,
                  std::span<float> planar) noexcept MR_NONBLOCKING {
  if (channels == 0) return;
  const std::size_t frames = std::min(planar.size(), interleaved.size()) / channels;
  for (std::size_t c = 0; c < channels; ++c)
    for (std::size_t frame = 0; frame < frames; ++frame)
      planar[c * frames + frame] = interleaved[frame * channels + c];
}

std::size_t scrub(std::span<float> samples) noexcept MR_NONBLOCKING {
  constexpr std::uint32_t kMagnitude = 0x7FFFFFFF;
  constexpr std::uint32_t kSmallestNormal = 0x00800000;
  constexpr std::uint32_t kTooLarge = std::bit_cast<std::uint32_t>(kNotAudio);
  // On the bits, because NaN compares with nothing; infinity and NaN lie above every number.
  std::size_t replaced = 0;
  for (float& sample : samples) {
    const std::uint32_t magnitude = std::bit_cast<std::uint32_t>(sample) & kMagnitude;
    const bool bad = magnitude >= kTooLarge || (magnitude != 0 && magnitude < kSmallestNormal);
    sample = bad ? 0.0F : sample;
    replaced += bad ? 1 : 0;
  }
  return replaced;
}

}  // namespace millrace::media::convert
