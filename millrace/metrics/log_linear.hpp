#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

/// Bucket layout shared by every histogram: 64 equal buckets for each power of two, so that a
/// bucket is at most 1/64 (1.6 %) of its smallest value wide; values below 64 are kept exactly.
///   source   HdrHistogram's log-linear layout (G. Tene), with 6 bits below the leading one
namespace millrace::metrics::log_linear {

inline constexpr unsigned kBits = 6;
inline constexpr std::uint64_t kPerOctave = std::uint64_t{1} << kBits;
/// Values from here on are counted in the last bucket. As nanoseconds: 73 minutes.
inline constexpr unsigned kRangeBits = 42;
inline constexpr std::uint64_t kRange = std::uint64_t{1} << kRangeBits;
inline constexpr std::size_t kBuckets = (kRangeBits - kBits + 1) * kPerOctave;

/// The bucket that counts `value`.
[[nodiscard]] constexpr std::size_t bucket_of(std::uint64_t value) noexcept {
  if (value >= kRange) return kBuckets - 1;
  if (value < kPerOctave) return static_cast<std::size_t>(value);
  const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - 1 - kBits;
  return static_cast<std::size_t>(shift * kPerOctave + (value >> shift));
}

/// Smallest value of `bucket`.
[[nodiscard]] constexpr std::uint64_t lowest(std::size_t bucket) noexcept {
  if (bucket < kPerOctave) return bucket;
  const std::uint64_t shift = bucket / kPerOctave - 1;
  return (kPerOctave + bucket % kPerOctave) << shift;
}

/// Largest value of `bucket` (of the last one: largest below kRange).
[[nodiscard]] constexpr std::uint64_t highest(std::size_t bucket) noexcept {
  return lowest(bucket + 1) - 1;
}

static_assert(bucket_of(kRange - 1) == kBuckets - 1 && highest(kBuckets - 1) == kRange - 1);

}  // namespace millrace::metrics::log_linear
