#include "apps/millrace/bench/batching_curve.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <utility>

#include "apps/millrace/bench/speculation_stats.hpp"
#include "apps/millrace/bench/speech_loop.hpp"
#include "millrace/base/check.hpp"
#include "nodes/flite_tts/flite_voice.hpp"
#include "nodes/moonshine_asr/moonshine_model.hpp"

namespace millrace::app {
namespace {

constexpr std::array<std::uint32_t, 4> kBatches{1, 2, 4, 8};
constexpr int kDigits = 16;
// About as long as what a reply is cut into at its shortest.
constexpr std::array<std::string_view, 8> kSentences{
    "It is seven now.",    "Please hold on.",   "Thank you, all done.", "That is not right.",
    "Good, let us begin.", "He called at ten.", "We close at noon.",    "Try it once more."};

double milliseconds(base::Duration span) {
  return std::chrono::duration<double, std::milli>(span).count();
}

}  // namespace

base::Result<std::vector<DigitPrompt>> digit_prompts() {
  std::vector<DigitPrompt> prompts;
  for (int digit = 1; digit <= kDigits; ++digit) {
    const std::string name = "digits/" + std::to_string(digit);
    const std::filesystem::path file = std::filesystem::path(kPromptFolder) / (name + ".wav");
    std::error_code ignored;
    if (!std::filesystem::exists(file, ignored))
      return base::fail(base::Code::unavailable, kNoPrompts, file.string());
    auto samples = load_speech(file, nodes::MoonshineModel::kRateHz);
    if (!samples) return std::unexpected(std::move(samples.error()));
    prompts.push_back({name, std::move(*samples)});
  }
  return prompts;
}

double CurveFit::bound(double batch) const noexcept {
  const double fixed = std::max(fixed_ms, 0.0);
  const double full = fixed / batch + each_ms;
  return full > 0.0 ? (fixed + each_ms) / full : 1.0;
}

CurveFit fit_curve(std::span<const CurvePoint> points) noexcept {
  if (points.empty()) return {};
  const auto n = static_cast<double>(points.size());
  double mean_b = 0.0;
  double mean_t = 0.0;
  for (const CurvePoint& point : points) {
    mean_b += point.batch / n;
    mean_t += point.least_ms / n;
  }
  double bb = 0.0;
  double bt = 0.0;
  for (const CurvePoint& point : points) {
    bb += (point.batch - mean_b) * (point.batch - mean_b);
    bt += (point.batch - mean_b) * (point.least_ms - mean_t);
  }
  if (bb == 0.0) return {.fixed_ms = 0.0, .each_ms = mean_b > 0.0 ? mean_t / mean_b : 0.0};
  const double each = bt / bb;
  return {.fixed_ms = mean_t - each * mean_b, .each_ms = each};
}

std::optional<double> EngineCurve::measured_gain(std::uint32_t batch) const noexcept {
  const auto of = [&](std::uint32_t wanted) {
    return std::find_if(points.begin(), points.end(),
                        [&](const CurvePoint& point) { return point.batch == wanted; });
  };
  const auto one = of(1);
  const auto full = of(batch);
  if (one == points.end() || full == points.end() || full->least_ms <= 0.0) return std::nullopt;
  return one->least_ms * batch / full->least_ms;
}

base::Result<EngineCurve> measure_curve(std::size_t inputs, std::size_t runs,
                                        const base::Clock& clock, const BatchCall& call) {
  MR_CHECK(inputs % kBatches.back() == 0, "the inputs fill every batch");
  std::array<std::vector<double>, kBatches.size()> took;
  for (std::size_t run = 0; run <= runs; ++run) {
    for (std::size_t k = 0; k < kBatches.size(); ++k) {
      const base::Instant begin = clock.now();
      for (std::size_t first = 0; first < inputs; first += kBatches[k])
        if (auto done = call(first, kBatches[k]); !done)
          return std::unexpected(std::move(done.error()));
      const auto calls = static_cast<double>(inputs / kBatches[k]);
      if (run > 0) took[k].push_back(milliseconds(clock.now() - begin) / calls);
    }
  }
  EngineCurve curve{.points = {}, .fit = {}, .inputs = inputs, .runs = runs};
  for (std::size_t k = 0; k < kBatches.size(); ++k)
    curve.points.push_back({.batch = kBatches[k],
                            .least_ms = quantile(took[k], 0.0).value_or(0.0),
                            .median_ms = quantile(took[k], 0.5).value_or(0.0)});
  curve.fit = fit_curve(curve.points);
  return curve;
}

base::Result<EngineCurve> measure_recogniser(std::span<const DigitPrompt> prompts,
                                             std::size_t runs) {
  const auto model = nodes::MoonshineModel::create(inference::ModelStore::locate());
  if (!model) return std::unexpected(model.error());
  const base::RealClock clock;
  return measure_curve(prompts.size(), runs, clock,
                       [&](std::size_t first, std::size_t count) -> base::Result<void> {
                         std::vector<nodes::TranscribeRequest> requests;
                         for (const DigitPrompt& prompt : prompts.subspan(first, count))
                           requests.push_back({.mono16k = prompt.samples});
                         base::Result<void> all;
                         model->transcribe_together(
                             requests, [&](std::size_t, base::Result<nodes::Transcript>&& heard) {
                               if (!heard) all = std::unexpected(std::move(heard.error()));
                             });
                         return all;
                       });
}

base::Result<EngineCurve> measure_voice(std::size_t runs) {
  const auto voice = nodes::FliteVoice::create(nodes::FliteVoiceName::slt);
  if (!voice) return std::unexpected(voice.error());
  const base::RealClock clock;
  return measure_curve(
      kSentences.size(), runs, clock,
      [&](std::size_t first, std::size_t count) -> base::Result<void> {
        std::string text;
        for (const std::string_view sentence : std::span(kSentences).subspan(first, count))
          text.append(text.empty() ? "" : " ").append(sentence);
        const auto spoken =
            voice->synthesize(text, [](std::span<const std::int16_t>) { return true; });
        if (!spoken) return std::unexpected(spoken.error());
        return {};
      });
}

}  // namespace millrace::app
