#include "nodes/smart_turn/mel_features.hpp"

#include <kissfft/kiss_fftr.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <numbers>

#include "millrace/base/check.hpp"

namespace millrace::nodes {
namespace {

/// Slaney's mel scale: linear below 1 kHz, logarithmic above.
double mel_of(double hz) {
  return hz < 1000.0 ? hz * 3.0 / 200.0 : 15.0 + std::log(hz / 1000.0) * 27.0 / std::log(6.4);
}

double hz_of(double mel) {
  return mel < 15.0 ? mel * 200.0 / 3.0 : 1000.0 * std::exp((mel - 15.0) * std::log(6.4) / 27.0);
}

}  // namespace

struct MelFeatures::Fft {
  struct Free {
    void operator()(kiss_fftr_cfg config) const { kiss_fftr_free(config); }
  };
  std::unique_ptr<kiss_fftr_state, Free> config{kiss_fftr_alloc(kFft, 0, nullptr, nullptr)};
  std::array<float, kFft> in{};
  std::array<kiss_fft_cpx, kBins> out{};
};

MelFeatures::MelFeatures()
    : fft_(std::make_unique<Fft>()),
      window_(kFft),
      filters_(kMels),
      padded_(kFrames + kFft),
      features_(kMels * kColumns) {
  MR_CHECK(fft_->config != nullptr, "an FFT of 400 can be planned");
  for (std::size_t i = 0; i < kFft; ++i) {
    const double turn = 2.0 * std::numbers::pi * static_cast<double>(i) / kFft;
    window_[i] = static_cast<float>(0.5 - 0.5 * std::cos(turn));
  }
  make_filters();
}

MelFeatures::~MelFeatures() = default;
MelFeatures::MelFeatures(MelFeatures&&) noexcept = default;
MelFeatures& MelFeatures::operator=(MelFeatures&&) noexcept = default;

void MelFeatures::make_filters() {
  constexpr double kTopHz = kRateHz / 2.0;
  const auto edge = [](std::size_t i) {
    return hz_of(mel_of(kTopHz) * static_cast<double>(i) / (kMels + 1));
  };
  for (std::size_t mel = 0; mel < kMels; ++mel) {
    const double low = edge(mel);
    const double middle = edge(mel + 1);
    const double high = edge(mel + 2);
    Filter& filter = filters_[mel];
    for (std::size_t bin = 0; bin < kBins; ++bin) {
      const double hz = kTopHz * static_cast<double>(bin) / (kBins - 1);
      const double height = std::min((hz - low) / (middle - low), (high - hz) / (high - middle));
      if (height <= 0.0) continue;
      if (filter.weights.empty()) filter.first = bin;
      filter.weights.push_back(static_cast<float>(height * 2.0 / (high - low)));
    }
  }
}

void MelFeatures::normalise(std::span<const float> audio) {
  audio = audio.last(std::min(audio.size(), kFrames));
  double sum = 0.0;
  for (const float x : audio) sum += x;
  const double mean = sum / kFrames;
  // The zeros in front count: the model was trained with them.
  double squares = static_cast<double>(kFrames - audio.size()) * mean * mean;
  for (const float x : audio) squares += (x - mean) * (x - mean);
  const double scale = 1.0 / std::sqrt(squares / kFrames + 1e-7);

  constexpr std::size_t kEdge = kFft / 2;
  const auto body = std::span(padded_).subspan(kEdge, kFrames);
  const std::size_t silent = kFrames - audio.size();
  std::ranges::fill(body.first(silent), static_cast<float>(-mean * scale));
  for (std::size_t i = 0; i < audio.size(); ++i)
    body[silent + i] = static_cast<float>((audio[i] - mean) * scale);
  for (std::size_t i = 0; i < kEdge; ++i) {
    padded_[kEdge - 1 - i] = body[1 + i];
    padded_[kEdge + kFrames + i] = body[kFrames - 2 - i];
  }
}

std::span<float> MelFeatures::compute(std::span<const float> audio) {
  normalise(audio);
  float loudest = -std::numeric_limits<float>::infinity();
  for (std::size_t column = 0; column < kColumns; ++column) {
    const float* from = &padded_[column * kHop];
    for (std::size_t i = 0; i < kFft; ++i) fft_->in[i] = from[i] * window_[i];
    kiss_fftr(fft_->config.get(), fft_->in.data(), fft_->out.data());
    std::array<float, kBins> power;
    for (std::size_t k = 0; k < kBins; ++k)
      power[k] = fft_->out[k].r * fft_->out[k].r + fft_->out[k].i * fft_->out[k].i;
    for (std::size_t mel = 0; mel < kMels; ++mel) {
      const Filter& filter = filters_[mel];
      float energy = 0.0F;
      for (std::size_t k = 0; k < filter.weights.size(); ++k)
        energy += power[filter.first + k] * filter.weights[k];
      const float level = std::log10(std::max(1e-10F, energy));
      features_[mel * kColumns + column] = level;
      loudest = std::max(loudest, level);
    }
  }
  // Eighty decibels below the loudest is the floor.
  for (float& level : features_) level = (std::max(level, loudest - 8.0F) + 4.0F) / 4.0F;
  return features_;
}

}  // namespace millrace::nodes
