#include "apps/millrace/bench/speech_loop.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "millrace/media/resampler.hpp"
#include "millrace/media/wav.hpp"

namespace millrace::app {
namespace {

using base::Result;

// Sentences of one to eight seconds in one voice; together about forty seconds.
constexpr std::array<std::string_view, 8> kPhrases{"hello-world",    "vm-intro",   "tt-allbusy",
                                                   "vm-changeto",    "demo-nogo",  "dir-intro",
                                                   "queue-thankyou", "demo-thanks"};
// Longer than the silence that ends a turn at the default settings (600 ms).
constexpr std::size_t kPauseFrames = SpeechLoop::kRateHz * 3 / 2;
constexpr std::size_t kPiece = 4096;

/// The whole file as mono at its own rate.
std::vector<float> read_mono(media::WavReader& reader) {
  const auto channels = static_cast<std::size_t>(reader.channels());
  std::vector<float> mono;
  std::vector<float> piece(kPiece * channels);
  for (;;) {
    const std::size_t frames = reader.read(piece);
    if (frames == 0) return mono;
    for (std::size_t i = 0; i < frames; ++i) {
      float sum = 0.0F;
      for (std::size_t c = 0; c < channels; ++c) sum += piece[i * channels + c];
      mono.push_back(sum / static_cast<float>(channels));
    }
  }
}

}  // namespace

Result<std::vector<float>> load_speech(const std::filesystem::path& path, std::int32_t rate_hz) {
  auto reader = media::WavReader::open(path);
  if (!reader) return std::unexpected(std::move(reader.error()));
  const std::vector<float> mono = read_mono(*reader);
  auto resampler =
      media::Resampler::create(reader->rate_hz(), rate_hz, media::ResampleQuality::high);
  if (!resampler) return std::unexpected(std::move(resampler.error()));
  std::vector<float> out(resampler->max_output(mono.size()));
  out.resize(resampler->process(mono, out).produced);
  std::vector<float> rest(resampler->flush_output());
  rest.resize(resampler->flush(rest));
  out.insert(out.end(), rest.begin(), rest.end());
  return out;
}

Result<SpeechLoop> SpeechLoop::prompts(const std::filesystem::path& folder) {
  std::vector<float> all;
  for (const std::string_view phrase : kPhrases) {
    const std::filesystem::path path = folder / (std::string(phrase) + ".wav");
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored))
      return base::fail(base::Code::unavailable,
                        std::string(kNoPrompts) + ", or give a WAV file with --input",
                        path.string());
    auto samples = load_speech(path, kRateHz);
    if (!samples) return std::unexpected(std::move(samples.error()));
    all.insert(all.end(), samples->begin(), samples->end());
    all.insert(all.end(), kPauseFrames, 0.0F);
  }
  return SpeechLoop(std::move(all), "asterisk-core-sounds-en-wav");
}

Result<SpeechLoop> SpeechLoop::file(const std::filesystem::path& path) {
  auto samples = load_speech(path, kRateHz);
  if (!samples) return std::unexpected(std::move(samples.error()));
  if (samples->empty())
    return base::fail(base::Code::bad_peer_data, "the file holds no audio; expected speech",
                      path.string());
  return SpeechLoop(*std::move(samples), path.string());
}

void SpeechLoop::copy(std::uint64_t at, std::span<float> out) const noexcept {
  std::size_t from = static_cast<std::size_t>(at % samples_.size());
  while (!out.empty()) {
    const std::size_t frames = std::min(out.size(), samples_.size() - from);
    std::copy_n(samples_.begin() + static_cast<std::ptrdiff_t>(from), frames, out.begin());
    out = out.subspan(frames);
    from = 0;
  }
}

}  // namespace millrace::app
