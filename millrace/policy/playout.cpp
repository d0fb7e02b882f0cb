#include "millrace/policy/playout.hpp"

#include <algorithm>

namespace millrace::policy {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

}  // namespace

Playout::Playout(const PlayoutParams& params) noexcept
    : rate_hz_(params.rate_hz),
      piece_(std::max<std::int64_t>(base::frame_at(params.piece, rate_hz_), 1)),
      cushion_min_(std::max(base::frame_at(params.cushion, rate_hz_), piece_)),
      cushion_max_(std::max(base::frame_at(params.cushion_max, rate_hz_), cushion_min_)),
      calm_(std::max(base::frame_at(params.calm, rate_hz_), piece_)),
      cushion_(cushion_min_) {}

std::int64_t Playout::push(std::uint32_t frames, bool last, base::Instant now) noexcept {
  advance(now);  // a reply that was over before this one came is no underrun
  const std::int64_t position = queued_;
  queued_ += frames;
  ended_ = last;
  return position;
}

std::int64_t Playout::unbounded(base::Instant now) const noexcept {
  if (!running_ || paused_) return anchor_;
  const std::int64_t ns = std::max((now - anchor_at_).count(), std::int64_t{0});
  return anchor_ + ns / kSecond * rate_hz_ + ns % kSecond * rate_hz_ / kSecond;
}

base::Duration Playout::span(std::int64_t frames) const noexcept {
  // Rounded up: at this instant, and not before, unbounded() has reached the frame.
  const std::int64_t rest = frames % rate_hz_;
  return base::Duration{frames / rate_hz_ * kSecond + (rest * kSecond + rate_hz_ - 1) / rate_hz_};
}

std::int64_t Playout::heard(base::Instant now) const noexcept {
  return std::min(unbounded(now), sent_);
}

base::MediaTime Playout::played(std::int64_t position, base::Instant now) const noexcept {
  return base::media_time(std::max(heard(now) - position, std::int64_t{0}), rate_hz_);
}

void Playout::advance(base::Instant now) noexcept {
  if (!running_ || paused_) return;
  const std::int64_t ear = unbounded(now);
  if (ear > sent_ && !starving_) {
    if (ended_ && sent_ == queued_) {
      running_ = false;
      anchor_ = sent_;
      return;
    }
    starving_ = true;
    ++counters_.underruns;
    cushion_ = std::min(cushion_ + piece_, cushion_max_);
    calm_from_ = sent_;
  }
  if (heard(now) - calm_from_ >= calm_) {
    cushion_ = std::max(cushion_ - piece_, cushion_min_);
    calm_from_ = heard(now);
  }
}

std::uint32_t Playout::due(base::Instant now) noexcept {
  advance(now);
  if (paused_) return 0;
  const std::int64_t ear = heard(now);
  const std::int64_t reach = std::min(queued_, ear + cushion_);
  const std::int64_t open = reach - sent_;
  if (open <= 0) return 0;
  const bool all = reach == queued_;
  // Less than a piece waits for the rest of it, unless there is none, or the ear is about to be
  // dry.
  if (all && (ended_ || ear + piece_ > sent_)) return static_cast<std::uint32_t>(open);
  return static_cast<std::uint32_t>(open / piece_ * piece_);
}

void Playout::sent(std::uint32_t frames, base::Instant now) noexcept {
  if (frames == 0) return;
  if (starving_) count_silence(now);
  if (!running_) {
    running_ = true;
    anchor_ = sent_;
    anchor_at_ = now;
  }
  sent_ = std::min(sent_ + frames, queued_);
}

void Playout::count_silence(base::Instant now) noexcept {
  const base::Instant dry = anchor_at_ + span(sent_ - anchor_);
  counters_.inserted_silence += std::max(now - dry, base::Duration{0});
  starving_ = false;
  running_ = false;
  anchor_ = sent_;
}

std::optional<base::Instant> Playout::next(base::Instant now) noexcept {
  if (due(now) > 0) return now;
  if (paused_ || queued_ == sent_ || !running_) return std::nullopt;
  const std::int64_t rest = queued_ - sent_;
  std::int64_t ear = sent_ + std::min(rest, piece_) - cushion_;
  if (rest < piece_ && !ended_) ear = std::max(ear, sent_ - piece_ + 1);
  return std::max(now, anchor_at_ + span(std::max(ear - anchor_, std::int64_t{0})));
}

void Playout::pause(base::Instant now) noexcept {
  advance(now);
  if (paused_) return;
  if (starving_) count_silence(now);
  anchor_ = heard(now);
  paused_ = true;
  // With nothing left to hear the ear starts anew when something comes: that is no underrun.
  if (anchor_ == sent_) running_ = false;
}

void Playout::resume(base::Instant now) noexcept {
  if (!paused_) return;
  paused_ = false;
  anchor_at_ = now;
}

Flushed Playout::flush(base::Instant now) noexcept {
  advance(now);
  if (starving_) count_silence(now);
  const std::int64_t ear = heard(now);
  const Flushed flushed{.heard = ear, .unplayed = queued_ - ear};
  queued_ = sent_ = anchor_ = ear;
  calm_from_ = std::min(calm_from_, ear);
  running_ = paused_ = false;
  ended_ = true;
  return flushed;
}

}  // namespace millrace::policy
