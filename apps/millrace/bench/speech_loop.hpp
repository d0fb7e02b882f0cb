#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "millrace/base/result.hpp"

namespace millrace::app {

/// Where apt puts Debian's recorded prompts, and what to say when they are not there.
inline constexpr const char* kPromptFolder = "/usr/share/asterisk/sounds/en";
inline constexpr const char* kNoPrompts =
    "no recorded speech there; run './dev setup demo' (apt-get install "
    "asterisk-core-sounds-en-wav)";

/// A whole WAV file, mixed down to mono and brought to `rate_hz`.
///   errors  those of media::WavReader
[[nodiscard]] base::Result<std::vector<float>> load_speech(const std::filesystem::path& path,
                                                           std::int32_t rate_hz);

/// Recorded speech at 48 kHz mono that is played again and again: the input of a benchmark.
///   threads  after loading: any
class SpeechLoop {
 public:
  static constexpr std::int32_t kRateHz = 48'000;

  /// Phrases of Debian's recorded prompts, with pauses to answer in; `folder` is where apt puts
  /// them.
  ///   errors  unavailable, with the remedy
  [[nodiscard]] static base::Result<SpeechLoop> prompts(
      const std::filesystem::path& folder = kPromptFolder);
  /// Any WAV file, mixed down and brought to 48 kHz.
  ///   errors  those of media::WavReader; bad_peer_data for a file without samples
  [[nodiscard]] static base::Result<SpeechLoop> file(const std::filesystem::path& path);

  /// Writes what is heard from frame `at` on, `at` counted on and on through the repeats.
  void copy(std::uint64_t at, std::span<float> out) const noexcept;

  [[nodiscard]] std::size_t frames() const noexcept { return samples_.size(); }
  [[nodiscard]] const std::string& source() const noexcept { return source_; }

 private:
  SpeechLoop(std::vector<float> samples, std::string source)
      : samples_(std::move(samples)), source_(std::move(source)) {}

  std::vector<float> samples_;
  std::string source_;
};

}  // namespace millrace::app
