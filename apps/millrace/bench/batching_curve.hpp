#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "millrace/base/clock.hpp"
#include "millrace/base/result.hpp"

namespace millrace::app {

/// Speech of a real voice, 16 kHz mono, by name.
struct DigitPrompt {
  std::string name;
  std::vector<float> samples;
};

/// The recorded numbers 1 to 16, as they were recorded: 0.5 to 1.1 s each.
///   errors  unavailable, with the remedy; those of load_speech()
[[nodiscard]] base::Result<std::vector<DigitPrompt>> digit_prompts();

/// What a call with `batch` inputs took.
struct CurvePoint {
  std::uint32_t batch = 1;
  double least_ms = 0.0;   ///< of the runs; each is the mean over calls that cover all inputs
  double median_ms = 0.0;  ///< of the same
};

/// T(b) = fixed + each * b.
struct CurveFit {
  double fixed_ms = 0.0;
  double each_ms = 0.0;

  /// How much batches of `batch` can gain over batches of one: (a + c) / (a/B + c). An `a` that
  /// the noise made negative counts as none: no batch is slower than its inputs.
  [[nodiscard]] double bound(double batch) const noexcept;
};

/// The least squares through the least times.
///   source  the definition; at least two different batches, or a is 0
[[nodiscard]] CurveFit fit_curve(std::span<const CurvePoint> points) noexcept;

/// A measured engine.
struct EngineCurve {
  std::vector<CurvePoint> points;
  CurveFit fit;
  std::size_t inputs = 0;
  std::size_t runs = 0;

  /// Of the point with `batch`: its requests a second over those of batches of one.
  [[nodiscard]] std::optional<double> measured_gain(std::uint32_t batch) const noexcept;
};

/// One call with inputs [first, first + count).
using BatchCall = std::function<base::Result<void>(std::size_t first, std::size_t count)>;

/// Calls with 1, 2, 4 and 8 of `inputs` inputs in turn, every input once in each run, so that all
/// sizes do the same work; the sizes take turns within a run, so that all see the same machine.
/// The first run is not counted.
///   errors  the first of a call
[[nodiscard]] base::Result<EngineCurve> measure_curve(std::size_t inputs, std::size_t runs,
                                                      const base::Clock& clock,
                                                      const BatchCall& call);

/// MoonshineModel::transcribe_together on the prompts.
[[nodiscard]] base::Result<EngineCurve> measure_recogniser(std::span<const DigitPrompt> prompts,
                                                           std::size_t runs);
/// FliteVoice::synthesize of short sentences joined to one text.
[[nodiscard]] base::Result<EngineCurve> measure_voice(std::size_t runs);

}  // namespace millrace::app
