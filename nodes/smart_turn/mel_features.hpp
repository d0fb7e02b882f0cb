#pragma once

#include <memory>
#include <span>
#include <vector>

namespace millrace::nodes {

/// Log-mel spectrogram of the last 8 s of audio, as Smart Turn v3 wants it: [80 mels][800 frames].
/// Shorter audio is zero-padded in front, and everything is brought to mean 0 and variance 1 first.
///   threads  one at a time for each object: it owns scratch memory
///   units    16 kHz mono; mels of 0 to 8 kHz on Slaney's scale
///   source   WhisperFeatureExtractor of Hugging Face transformers with do_normalize, n_fft 400,
///            hop 160 (docs/dependencies.md, pipecat-ai)
class MelFeatures {
 public:
  static constexpr int kRateHz = 16'000;
  static constexpr std::size_t kFrames = 8 * kRateHz;  ///< audio frames that count
  static constexpr std::size_t kMels = 80;
  static constexpr std::size_t kColumns = 800;

  MelFeatures();
  ~MelFeatures();
  MelFeatures(MelFeatures&&) noexcept;
  MelFeatures& operator=(MelFeatures&&) noexcept;

  /// The features of the end of `audio`; valid until the next call.
  [[nodiscard]] std::span<float> compute(std::span<const float> audio);

 private:
  static constexpr std::size_t kFft = 400;
  static constexpr std::size_t kHop = 160;
  static constexpr std::size_t kBins = kFft / 2 + 1;

  /// The triangle of one mel: weights of the bins from `first` on.
  struct Filter {
    std::size_t first = 0;
    std::vector<float> weights;
  };
  struct Fft;

  void make_filters();
  void normalise(std::span<const float> audio);

  std::unique_ptr<Fft> fft_;
  std::vector<float> window_;
  std::vector<Filter> filters_;
  std::vector<float> padded_;    ///< normalised audio with kFft / 2 reflected at both ends
  std::vector<float> features_;  ///< [kMels][kColumns]
};

}  // namespace millrace::nodes
