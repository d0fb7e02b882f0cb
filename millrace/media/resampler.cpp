#include "millrace/media/resampler.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <numeric>
#include <string>
#include <utility>

#include "millrace/base/check.hpp"
#include "millrace/base/limits.hpp"

namespace millrace::media {
namespace {

/// Frames taken into the history between two moves of it; about one block of 10 ms at 48 kHz.
constexpr std::size_t kBlockFrames = 512;
/// Every row is a multiple of this, so that the inner loop has no remainder.
constexpr std::size_t kLanes = 16;

/// What a quality asks of the filter; edges are fractions of half the lower rate.
struct Specification {
  double attenuation_db;
  double pass_edge;
  double stop_edge;
};

constexpr Specification specification(ResampleQuality quality) noexcept {
  switch (quality) {
    case ResampleQuality::low: return {65.0, 0.80, 1.0625};
    case ResampleQuality::medium: return {86.0, 0.88, 1.0};
    case ResampleQuality::high: return {106.0, 0.93, 1.0};
  }
  return {};
}

/// Modified Bessel function of the first kind, order 0, by its power series (Abramowitz and Stegun
/// 9.6.12), until a term no longer changes the sum.
double bessel_i0(double x) noexcept {
  const double quarter = x * x / 4.0;
  double term = 1.0;
  double sum = 1.0;
  for (int k = 1; term > sum * 1e-17; ++k) {
    term *= quarter / (static_cast<double>(k) * k);
    sum += term;
  }
  return sum;
}

double sinc(double x) noexcept {
  if (x == 0.0) return 1.0;
  return std::sin(std::numbers::pi * x) / (std::numbers::pi * x);
}

/// Four floats that one register of every 64-bit machine holds. Written out, because what a
/// compiler makes of a plain loop differs, and the order of the additions must not.
typedef float Quad __attribute__((vector_size(16)));

Quad load(const float* from) noexcept {
  Quad quad;
  std::memcpy(&quad, from, sizeof quad);
  return quad;
}

/// Dot product over `taps` (a multiple of kLanes) in one fixed order of additions, which is what
/// makes the output independent of where in the history the samples happen to lie.
float dot(const float* coefficients, const float* samples, std::size_t taps) noexcept {
  Quad a{};
  Quad b{};
  Quad c{};
  Quad d{};
  for (std::size_t i = 0; i < taps; i += kLanes) {
    a += load(coefficients + i) * load(samples + i);
    b += load(coefficients + i + 4) * load(samples + i + 4);
    c += load(coefficients + i + 8) * load(samples + i + 8);
    d += load(coefficients + i + 12) * load(samples + i + 12);
  }
  const Quad sum = (a + b) + (c + d);
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

base::Result<void> check_rate(std::int32_t rate_hz, std::string_view which) {
  if (rate_hz >= base::limits::kMinRateHz && rate_hz <= base::limits::kMaxRateHz) return {};
  return base::fail(base::Code::bad_argument,
                    std::string(which) + " rate " + std::to_string(rate_hz) + " Hz, expected " +
                        std::to_string(base::limits::kMinRateHz) + " to " +
                        std::to_string(base::limits::kMaxRateHz));
}

}  // namespace

std::string_view name(ResampleQuality quality) noexcept {
  switch (quality) {
    case ResampleQuality::low: return "low";
    case ResampleQuality::medium: return "medium";
    case ResampleQuality::high: return "high";
  }
  return "unknown";
}

std::optional<ResampleQuality> resample_quality(std::string_view text) noexcept {
  for (const auto quality : {ResampleQuality::low, ResampleQuality::medium, ResampleQuality::high})
    if (text == name(quality)) return quality;
  return std::nullopt;
}

base::Result<std::shared_ptr<const FilterBank>> FilterBank::create(std::int32_t in_rate_hz,
                                                                   std::int32_t out_rate_hz,
                                                                   ResampleQuality quality) {
  if (auto ok = check_rate(in_rate_hz, "input"); !ok) return std::unexpected(ok.error());
  if (auto ok = check_rate(out_rate_hz, "output"); !ok) return std::unexpected(ok.error());
  // shared: handed out as const; all sessions with this conversion use it
  const std::shared_ptr<FilterBank> bank{new FilterBank};
  const std::int32_t divisor = std::gcd(in_rate_hz, out_rate_hz);
  bank->in_rate_hz_ = in_rate_hz;
  bank->out_rate_hz_ = out_rate_hz;
  bank->phases_ = out_rate_hz / divisor;
  bank->step_ = in_rate_hz / divisor;
  if (bank->identity()) return bank;

  const Specification spec = specification(quality);
  const double edge = 0.5 * std::min(in_rate_hz, out_rate_hz) / in_rate_hz;  // cycles a frame
  const double width = 2.0 * std::numbers::pi * edge * (spec.stop_edge - spec.pass_edge);
  // Kaiser's estimates: the length for a transition width, the shape for an attenuation > 50 dB.
  const double length = (spec.attenuation_db - 7.95) / (2.285 * width);
  const double beta = 0.1102 * (spec.attenuation_db - 8.7);
  const auto needed = static_cast<std::size_t>(std::ceil(length)) + 1;
  bank->taps_ = (needed + kLanes - 1) / kLanes * kLanes;
  bank->half_ = bank->taps_ / 2 - 1;
  const std::size_t total = static_cast<std::size_t>(bank->phases_) * bank->taps_;
  if (total > kMaxCoefficients)
    return base::fail(
        base::Code::bad_argument,
        std::to_string(in_rate_hz) + " to " + std::to_string(out_rate_hz) +
            " Hz needs a table of " + std::to_string(total) + " coefficients, at most " +
            std::to_string(kMaxCoefficients) +
            " expected: convert the audio to a usual rate first (8000, 16000, 44100 or "
            "48000 Hz)");
  bank->coefficients_.resize(total);
  bank->design(edge * (spec.pass_edge + spec.stop_edge) / 2.0, beta);
  return bank;
}

void FilterBank::design(double cutoff, double beta) {
  const auto half = static_cast<double>(half_);
  std::vector<double> row(taps_);
  for (std::int64_t phase = 0; phase < phases_; ++phase) {
    const double offset = static_cast<double>(phase) / static_cast<double>(phases_);
    double sum = 0.0;
    for (std::size_t i = 0; i < taps_; ++i) {
      const double at = static_cast<double>(i) - half - 1.0 - offset;
      const double inside = 1.0 - at * at / (half * half);
      row[i] = inside < 0.0 ? 0.0 : sinc(2.0 * cutoff * at) * bessel_i0(beta * std::sqrt(inside));
      sum += row[i];
    }
    float* out = coefficients_.data() + static_cast<std::size_t>(phase) * taps_;
    for (std::size_t i = 0; i < taps_; ++i) out[i] = static_cast<float>(row[i] / sum);
  }
}

base::Result<Resampler> Resampler::create(std::int32_t in_rate_hz, std::int32_t out_rate_hz,
                                          ResampleQuality quality, std::size_t channels) {
  auto bank = FilterBank::create(in_rate_hz, out_rate_hz, quality);
  if (!bank) return std::unexpected(bank.error());
  return create(*std::move(bank), channels);
}

base::Result<Resampler> Resampler::create(std::shared_ptr<const FilterBank> bank,
                                          std::size_t channels) {
  if (channels < 1 || channels > static_cast<std::size_t>(base::limits::kMaxChannels))
    return base::fail(base::Code::bad_argument, std::to_string(channels) +
                                                    " channels, expected 1 to " +
                                                    std::to_string(base::limits::kMaxChannels));
  MR_CHECK(bank != nullptr, "a filter bank is made before the resampler that uses it");
  return Resampler(std::move(bank), channels);
}

Resampler::Resampler(std::shared_ptr<const FilterBank> bank, std::size_t channels)
    : bank_(std::move(bank)), channels_(channels) {
  if (bank_->identity()) return;
  stride_ = bank_->taps() + kBlockFrames;
  history_.resize(stride_ * channels_);
  reset();
}

void Resampler::reset() noexcept MR_NONBLOCKING {
  // The silence before the stream: the window of output 0 reaches half_ + 1 frames back.
  std::fill(history_.begin(), history_.end(), 0.0F);
  filled_ = bank_->identity() ? 0 : bank_->delay_frames() + 1;
  center_ = filled_;
  phase_ = 0;
  frames_in_ = 0;
  frames_out_ = 0;
  silence_left_ = 0;
  ended_ = false;
}

/// Outputs that exist once `in_frames` frames came in: those whose instant is delay_frames() or
/// more before the last of them.
std::int64_t Resampler::outputs_due(std::int64_t in_frames) const noexcept {
  const std::int64_t usable = in_frames - static_cast<std::int64_t>(bank_->delay_frames());
  if (usable <= 0) return 0;
  return (usable * bank_->phases() + bank_->step() - 1) / bank_->step();
}

std::size_t Resampler::max_output(std::size_t in_frames) const noexcept MR_NONBLOCKING {
  const std::int64_t total = frames_in_ + static_cast<std::int64_t>(in_frames);
  return static_cast<std::size_t>(outputs_due(total) - frames_out_);
}

std::size_t Resampler::flush_output() const noexcept MR_NONBLOCKING {
  return max_output(ended_ ? silence_left_ : bank_->delay_frames());
}

Resampler::Step Resampler::process(std::span<const float> in,
                                   std::span<float> out) noexcept MR_NONBLOCKING {
  MR_CHECK(!ended_, "the owner calls reset() between flush() and the next stream");
  if (bank_->identity()) return copy(in, out);
  const std::size_t frames = in.size() / channels_;
  Step step;
  for (;;) {
    step.produced += emit(out.subspan(step.produced * channels_));
    if (step.consumed == frames || output_waits()) return step;
    step.consumed += absorb(in.data() + step.consumed * channels_, frames - step.consumed);
  }
}

std::size_t Resampler::flush(std::span<float> out) noexcept MR_NONBLOCKING {
  if (!ended_) silence_left_ = bank_->delay_frames();
  ended_ = true;
  std::size_t produced = 0;
  for (;;) {
    produced += emit(out.subspan(produced * channels_));
    if (silence_left_ == 0 || output_waits()) return produced;
    silence_left_ -= absorb(nullptr, silence_left_);
  }
}

Resampler::Step Resampler::copy(std::span<const float> in, std::span<float> out) noexcept {
  const std::size_t frames = std::min(in.size(), out.size()) / channels_;
  std::copy_n(in.begin(), frames * channels_, out.begin());
  frames_in_ += static_cast<std::int64_t>(frames);
  frames_out_ += static_cast<std::int64_t>(frames);
  return {frames, frames};
}

/// Computes outputs until the input or the room in `out` ends.
std::size_t Resampler::emit(std::span<float> out) noexcept {
  if (bank_->identity()) return 0;
  const std::size_t room = out.size() / channels_;
  const std::size_t whole = static_cast<std::size_t>(bank_->step() / bank_->phases());
  const std::int64_t part = bank_->step() % bank_->phases();
  std::size_t produced = 0;
  for (; produced < room && output_waits(); ++produced) {
    const float* row = bank_->row(static_cast<std::size_t>(phase_)).data();
    const float* window = history_.data() + center_ - bank_->delay_frames() - 1;
    for (std::size_t c = 0; c < channels_; ++c)
      out[produced * channels_ + c] = dot(row, window + c * stride_, bank_->taps());
    center_ += whole;
    phase_ += part;
    if (phase_ >= bank_->phases()) {
      phase_ -= bank_->phases();
      ++center_;
    }
  }
  frames_out_ += static_cast<std::int64_t>(produced);
  return produced;
}

/// Appends input (silence when `in` is null) to the history, as much as fits. Only called when no
/// output waits, so all but the last window's length of the history can make room.
std::size_t Resampler::absorb(const float* in, std::size_t frames) noexcept {
  if (filled_ == stride_) {
    const std::size_t gone = std::min(center_ - bank_->delay_frames() - 1, filled_);
    for (std::size_t c = 0; c < channels_; ++c) {
      float* channel = history_.data() + c * stride_;
      std::memmove(channel, channel + gone, (filled_ - gone) * sizeof(float));
    }
    filled_ -= gone;
    center_ -= gone;
  }
  const std::size_t taken = std::min(frames, stride_ - filled_);
  for (std::size_t c = 0; c < channels_; ++c) {
    float* to = history_.data() + c * stride_ + filled_;
    if (in == nullptr) {
      std::fill_n(to, taken, 0.0F);
    } else if (channels_ == 1) {
      std::copy_n(in, taken, to);
    } else {
      for (std::size_t i = 0; i < taken; ++i) to[i] = in[i * channels_ + c];
    }
  }
  filled_ += taken;
  frames_in_ += static_cast<std::int64_t>(taken);
  return taken;
}

}  // namespace millrace::media
