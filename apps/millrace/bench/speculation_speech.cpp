#include "apps/millrace/bench/speculation_speech.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string_view>

namespace millrace::app {
namespace {

constexpr std::size_t kStep = LabelledSpeech::kRateHz / 100;
constexpr double kBelowLoudDb = 35.0;
constexpr std::size_t kEdgeSteps = 2;
constexpr double kLevelDbfs = -24.0;
constexpr double kHissDbfs = -66.0;
// What the recordings hold besides sentences.
constexpr std::array<std::string_view, 6> kNoSpeech{"beep",    "tone",      "silence",
                                                    "monkeys", "screaming", "pbx-transfer"};

double from_db(double db) {
  return std::pow(10.0, db / 20.0);
}

/// Sum of twelve uniform numbers less six: normal enough, and the same on every machine.
float normal(base::Rng& rng) {
  double sum = -6.0;
  for (int i = 0; i < 12; ++i) sum += rng.unit();
  return static_cast<float>(sum);
}

double rms(std::span<const float> samples) {
  double sum = 0.0;
  for (const float s : samples) sum += static_cast<double>(s) * s;
  return samples.empty() ? 0.0 : std::sqrt(sum / static_cast<double>(samples.size()));
}

std::size_t frames_between(base::Rng& rng, double low_s, double high_s) {
  const double seconds = low_s + (high_s - low_s) * rng.unit();
  return static_cast<std::size_t>(std::llround(seconds * 100.0)) * kStep;
}

base::MediaTime end_of(const LabelledSpeech& speech) {
  return base::media_time(static_cast<std::int64_t>(speech.samples.size()),
                          LabelledSpeech::kRateHz);
}

bool is_sentence(const std::filesystem::path& file) {
  if (file.extension() != ".wav") return false;
  const std::string name = file.stem().string();
  return std::none_of(kNoSpeech.begin(), kNoSpeech.end(),
                      [&](std::string_view word) { return name.find(word) != std::string::npos; });
}

/// Noise of about mean power 1, one sample after the other.
class Noise {
 public:
  Noise(NoiseColour colour, base::Rng& rng) : colour_(colour), rng_(rng) {}
  float next() {
    const float white = normal(rng_);
    if (colour_ == NoiseColour::white) return white;
    // source: P. Kellet's economy filter, -3 dB an octave within 0.5 dB
    b_[0] = 0.99765F * b_[0] + white * 0.0990460F;
    b_[1] = 0.96300F * b_[1] + white * 0.2965164F;
    b_[2] = 0.57000F * b_[2] + white * 1.0526913F;
    return b_[0] + b_[1] + b_[2] + white * 0.1848F;
  }

 private:
  NoiseColour colour_;
  base::Rng& rng_;
  std::array<float, 3> b_{};
};

}  // namespace

std::vector<float> cut_to_speech(const std::vector<float>& samples) {
  std::vector<double> steps;
  for (std::size_t at = 0; at + kStep <= samples.size(); at += kStep)
    steps.push_back(rms(std::span(samples).subspan(at, kStep)));
  if (steps.empty()) return {};
  std::vector<double> sorted = steps;
  std::sort(sorted.begin(), sorted.end());
  const double loud = sorted[std::min(sorted.size() - 1, sorted.size() * 95 / 100)];
  // One step of a recording of 16 bits is the least that is no silence.
  const double floor = std::max(loud * from_db(-kBelowLoudDb), 1.0 / 32768.0);
  const auto heard = [&](double step) { return step >= floor; };
  const auto first = std::find_if(steps.begin(), steps.end(), heard);
  if (first == steps.end()) return {};
  const auto last = std::find_if(steps.rbegin(), steps.rend(), heard);
  const auto from = static_cast<std::size_t>(first - steps.begin());
  const auto to = steps.size() - static_cast<std::size_t>(last - steps.rbegin());
  const std::size_t begin = (from > kEdgeSteps ? from - kEdgeSteps : 0) * kStep;
  const std::size_t end = std::min(samples.size(), (to + kEdgeSteps) * kStep);
  return {samples.begin() + static_cast<std::ptrdiff_t>(begin),
          samples.begin() + static_cast<std::ptrdiff_t>(end)};
}

base::Result<std::vector<SpokenPrompt>> spoken_prompts(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored))
    if (is_sentence(entry.path())) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<SpokenPrompt> prompts;
  for (const std::filesystem::path& file : files) {
    auto samples = load_speech(file, LabelledSpeech::kRateHz);
    if (!samples) return std::unexpected(std::move(samples.error()));
    std::vector<float> speech = cut_to_speech(*samples);
    const double seconds = static_cast<double>(speech.size()) / LabelledSpeech::kRateHz;
    if (seconds < 0.6 || seconds > 7.0) continue;
    const auto gain = static_cast<float>(from_db(kLevelDbfs) / rms(speech));
    for (float& s : speech) s = std::clamp(s * gain, -1.0F, 1.0F);
    prompts.push_back({file.stem().string(), std::move(speech)});
  }
  if (prompts.size() < 20) return base::fail(base::Code::unavailable, kNoPrompts, folder.string());
  return prompts;
}

LabelledSpeech make_labelled_speech(const std::vector<SpokenPrompt>& prompts, std::size_t turns,
                                    base::Rng& rng) {
  LabelledSpeech made;
  made.speech_rms = static_cast<float>(from_db(kLevelDbfs));
  const auto silence = [&](double low_s, double high_s) {
    made.samples.insert(made.samples.end(), frames_between(rng, low_s, high_s), 0.0F);
  };
  silence(0.8, 1.2);
  for (std::size_t turn = 0; turn < turns; ++turn) {
    if (turn > 0) silence(1.5, 2.5);
    const base::MediaTime begin = end_of(made);
    const std::uint64_t count = 1 + rng.below(3);
    for (std::uint64_t k = 0; k < count; ++k) {
      if (k > 0) silence(0.25, 0.55);
      const SpokenPrompt& prompt = prompts[rng.below(prompts.size())];
      const base::MediaTime from = end_of(made);
      made.samples.insert(made.samples.end(), prompt.samples.begin(), prompt.samples.end());
      made.utterances.push_back({from, end_of(made)});
    }
    made.turns.push_back({begin, end_of(made)});
  }
  silence(2.0, 2.0);
  const auto hiss = static_cast<float>(from_db(kHissDbfs));
  for (float& s : made.samples) s += hiss * normal(rng);
  return made;
}

void add_noise(LabelledSpeech& speech, NoiseColour colour, double below_db, base::Rng& rng) {
  Noise noise(colour, rng);
  std::vector<float> added(speech.samples.size());
  for (float& s : added) s = noise.next();
  const double level = speech.speech_rms * from_db(-below_db);
  const auto gain = static_cast<float>(level / std::max(rms(added), 1e-9));
  for (std::size_t i = 0; i < added.size(); ++i)
    speech.samples[i] = std::clamp(speech.samples[i] + gain * added[i], -1.0F, 1.0F);
}

}  // namespace millrace::app
