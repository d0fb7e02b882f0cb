#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "apps/millrace/bench/speech_loop.hpp"
#include "millrace/base/rng.hpp"
#include "millrace/base/time.hpp"

namespace millrace::app {

/// A stretch of media time.
struct TimeSpan {
  base::MediaTime from{0};
  base::MediaTime to{0};
};

/// One recorded sentence, cut to its speech.
struct SpokenPrompt {
  std::string name;
  std::vector<float> samples;  ///< 16 kHz mono
};

/// Where speech is in a file, known from the way it was put together.
///   utterances  one prompt each; turns: from the first prompt of a turn to the end of the last
struct LabelledSpeech {
  static constexpr std::int32_t kRateHz = 16'000;

  std::vector<float> samples;
  std::vector<TimeSpan> utterances;
  std::vector<TimeSpan> turns;
  float speech_rms = 0.0F;
};

/// Cuts silence off both ends: what lies more than 35 dB below the loud steps of 10 ms (95th
/// percentile), with 20 ms kept on either side. Empty when there is no speech.
///   source  the labels of tools/make_speech_set; no detector is asked
[[nodiscard]] std::vector<float> cut_to_speech(const std::vector<float>& samples);

/// The recorded sentences of 0.6 to 7 s in `folder`, by name.
///   errors  unavailable, with the remedy; those of load_speech()
[[nodiscard]] base::Result<std::vector<SpokenPrompt>> spoken_prompts(
    const std::filesystem::path& folder = kPromptFolder);

/// A file of `turns` turns: one to three prompts each with pauses of 0.25 to 0.55 s between them,
/// 1.5 to 2.5 s of silence between turns, and a faint hiss over all. The same generator gives the
/// same samples.
[[nodiscard]] LabelledSpeech make_labelled_speech(const std::vector<SpokenPrompt>& prompts,
                                                  std::size_t turns, base::Rng& rng);

/// White or pink noise so many decibels below the speech.
enum class NoiseColour : std::uint8_t { white, pink };
void add_noise(LabelledSpeech& speech, NoiseColour colour, double below_db, base::Rng& rng);

}  // namespace millrace::app
