#pragma once

#include <cstdint>

namespace millrace::base {

/// Small seeded generator (SplitMix64; Steele, Lea, Flood: "Fast splittable pseudorandom number
/// generators", 2014). Same seed, same numbers on every machine; not for secrets.
class Rng {
 public:
  explicit constexpr Rng(std::uint64_t seed) noexcept : state_(seed) {}

  constexpr std::uint64_t next() noexcept {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }
  /// A number in [0, bound); bound must not be 0.
  constexpr std::uint64_t below(std::uint64_t bound) noexcept { return next() % bound; }
  /// A number in [0, 1).
  constexpr double unit() noexcept {
    return static_cast<double>(next() >> 11) * (1.0 / 9007199254740992.0);
  }

 private:
  std::uint64_t state_;
};

}  // namespace millrace::base
