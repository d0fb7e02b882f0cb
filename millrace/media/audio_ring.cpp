#include "millrace/media/audio_ring.hpp"

#include <algorithm>
#include <string>

#include "millrace/base/limits.hpp"

namespace millrace::media {

base::Result<AudioRing> AudioRing::create(std::size_t capacity_frames, std::size_t channels) {
  if (channels < 1 || channels > static_cast<std::size_t>(base::limits::kMaxChannels))
    return base::fail(base::Code::bad_argument, std::to_string(channels) +
                                                    " channels, expected 1 to " +
                                                    std::to_string(base::limits::kMaxChannels));
  if (capacity_frames < 1 || capacity_frames > kMaxSamples / channels)
    return base::fail(base::Code::bad_argument, "a ring of " + std::to_string(capacity_frames) +
                                                    " frames, expected 1 to " +
                                                    std::to_string(kMaxSamples / channels));
  return AudioRing(capacity_frames, channels);
}

AudioRing::AudioRing(std::size_t capacity_frames, std::size_t channels)
    : capacity_(capacity_frames), channels_(channels), samples_(capacity_frames * channels) {}

void AudioRing::append(std::int64_t from,
                       std::span<const float> interleaved) noexcept MR_NONBLOCKING {
  std::size_t frames = interleaved.size() / channels_;
  if (frames == 0 || from < 0) return;
  if (from != end_) oldest_ = from;
  end_ = from + static_cast<std::int64_t>(frames);
  if (frames > capacity_) {
    interleaved = interleaved.subspan((frames - capacity_) * channels_);
    frames = capacity_;
  }
  oldest_ = std::max(oldest_, end_ - static_cast<std::int64_t>(capacity_));
  const std::size_t at =
      static_cast<std::size_t>(end_ - static_cast<std::int64_t>(frames)) % capacity_;
  const std::size_t first = std::min(frames, capacity_ - at);
  std::copy_n(interleaved.data(), first * channels_, samples_.data() + at * channels_);
  std::copy_n(interleaved.data() + first * channels_, (frames - first) * channels_,
              samples_.data());
}

bool AudioRing::copy(std::int64_t from, std::int64_t to,
                     std::span<float> out) const noexcept MR_NONBLOCKING {
  if (from < oldest_ || to > end_ || from > to) return false;
  const auto frames = static_cast<std::size_t>(to - from);
  if (out.size() < frames * channels_) return false;
  const std::size_t at = static_cast<std::size_t>(from) % capacity_;
  const std::size_t first = std::min(frames, capacity_ - at);
  std::copy_n(samples_.data() + at * channels_, first * channels_, out.data());
  std::copy_n(samples_.data(), (frames - first) * channels_, out.data() + first * channels_);
  return true;
}

}  // namespace millrace::media
