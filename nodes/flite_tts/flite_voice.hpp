#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "millrace/base/result.hpp"

namespace millrace::nodes {

enum class FliteVoiceName : std::uint8_t {
  slt,    ///< statistical, female: the better one
  kal16,  ///< diphones, male: cheaper
};

enum class FliteQuality : std::uint8_t {
  full,
  coarse,  ///< slt: a filter of 14 coefficients instead of 24; kal16 has nothing to spare
};

/// Takes the next samples, 16 kHz mono; false: stop, nothing more is wanted. Called with flite's
/// lock held: it must not wait for another synthesis.
using FliteSink = std::function<bool(std::span<const std::int16_t> samples)>;

/// What one synthesis did.
struct FliteReport {
  std::uint64_t frames = 0;     ///< handed to the sink
  std::uint32_t sentences = 0;  ///< begun
  bool stopped = false;         ///< the sink said no
};

/// The voice of CMU flite: text to speech, sentence by sentence, streamed while it is made. The
/// same sentence gives the same samples each time (rand() is seeded anew for each).
///   units    16 kHz mono int16; chunks of about 25 ms
///   threads  any worker; calls on several threads take turns sentence by sentence, because flite
///            keeps one voice object, plain reference counts and the C library's rand() for the
///            whole process
///   errors   bad_argument for a rate outside [0.5, 2] or too much text; internal
///   source   flite 2.2 (docs/dependencies.md)
class FliteVoice {
 public:
  static constexpr std::int32_t kRateHz = 16'000;

  /// `rate` is how fast: 1 as recorded, 2 twice as fast.
  [[nodiscard]] static base::Result<FliteVoice> create(FliteVoiceName name, double rate = 1.0);

  /// Speaks `text` into `sink`; returns at once when the sink says no, with at most the chunk it
  /// refused made in vain. Text with nothing to say gives no samples.
  [[nodiscard]] base::Result<FliteReport> synthesize(
      std::string_view text, const FliteSink& sink,
      FliteQuality quality = FliteQuality::full) const;

 private:
  FliteVoice(FliteVoiceName name, double rate) : name_(name), rate_(rate) {}

  FliteVoiceName name_;
  double rate_;
};

}  // namespace millrace::nodes
