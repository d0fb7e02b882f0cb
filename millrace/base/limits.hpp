#pragma once

#include <cstddef>
#include <cstdint>

/// Every limit on input that comes from outside, in one place. Each has a test at the limit and one
/// over it.
namespace millrace::base::limits {

inline constexpr std::size_t kManifestBytes = 1 << 20;
inline constexpr std::size_t kManifestDepth = 32;
inline constexpr std::size_t kManifestAliases = 64;
inline constexpr std::size_t kManifestNodes = 256;
inline constexpr std::size_t kManifestEdges = 1024;
inline constexpr std::size_t kManifestScalars = 100'000;

inline constexpr std::int32_t kMinRateHz = 8'000;
inline constexpr std::int32_t kMaxRateHz = 48'000;
inline constexpr std::int32_t kMaxChannels = 8;
inline constexpr std::int64_t kMaxAudioFileBytes = std::int64_t{4} << 30;

inline constexpr std::size_t kControlMetadataBytes = 256 << 10;
inline constexpr std::size_t kTextPacketBytes = 64 << 10;
inline constexpr std::size_t kPayloadBytes = 4 << 20;

}  // namespace millrace::base::limits
