#include "millrace/policy/onset_gate.hpp"

#include <algorithm>

namespace millrace::policy {

using base::MediaTime;

OnsetGate::OnsetGate(const OnsetParams& params, OnsetMode mode, std::int32_t rate_hz,
                     MediaTime vad_window) noexcept
    : params_(params),
      mode_(mode),
      rate_hz_(rate_hz),
      capacity_(ring_capacity(params, vad_window)) {}

OnsetActions OnsetGate::audio(MediaTime until) noexcept {
  OnsetActions out;
  audio_until_ = std::max(audio_until_, until);
  if (!sending_) return out;
  sent_until_ = audio_until_;
  if (state_ == State::unconfirmed && sent_until_ - segment_from_ > capacity_) {
    // The decision is later than the ring is long. What left is confirmed as it is; the VAD still
    // decides about the rest, with the trigger and the silence counted as before.
    ++counters_.splits;
    ++counters_.opened;
    ++counters_.confirmed;
    out.push_back({.kind = OnsetActionKind::split, .from = segment_from_, .to = sent_until_});
    segment_from_ = sent_until_;
  }
  return out;
}

void OnsetGate::gap(MediaTime until) noexcept {
  audio_until_ = std::max(audio_until_, until);
  available_from_ = std::max(available_from_, until);
}

OnsetActions OnsetGate::window(MediaTime from, MediaTime to, float probability) noexcept {
  OnsetActions out;
  if (from >= to || from < MediaTime{0} || to <= decided_until_) {
    ++counters_.wrong_windows;
    return out;
  }
  if (audio_until_ - to > params_.lookahead) {
    ++counters_.late_windows;
    return out;
  }
  decided_until_ = to;
  if (state_ == State::silence) {
    if (!(probability >= params_.threshold)) return out;
    open(from, out);
  }
  if (probability >= params_.negative_threshold) {
    last_heard_ = to;
    if (state_ == State::unconfirmed && to - trigger_ >= params_.min_speech) confirm(out);
  } else if (to - last_heard_ >= params_.min_silence) {
    if (state_ == State::unconfirmed) {
      cancel(out);
    } else {
      end_speech(last_heard_ + params_.pad, out);
    }
  }
  return out;
}

void OnsetGate::open(MediaTime trigger, OnsetActions& out) noexcept {
  ++counters_.opened;
  state_ = State::unconfirmed;
  trigger_ = trigger;
  last_heard_ = trigger;
  onset_from_ =
      to_frame(std::max({trigger - params_.lookback, sent_until_, available_from_, MediaTime{0}}));
  segment_from_ = onset_from_;
  if (mode_ == OnsetMode::waiting) return;
  sent_before_ = sent_until_;
  send_from(segment_from_);
  out.push_back({.kind = OnsetActionKind::open, .from = segment_from_});
}

void OnsetGate::send_from(MediaTime from) noexcept {
  sending_ = true;
  sent_until_ = std::max(from, audio_until_);
}

void OnsetGate::refuse() noexcept {
  if (state_ != State::unconfirmed || !sending_) return;
  sending_ = false;
  sent_until_ = sent_before_;
}

void OnsetGate::confirm(OnsetActions& out) noexcept {
  state_ = State::speech;
  ++counters_.confirmed;
  if (sending_) {
    out.push_back({.kind = OnsetActionKind::confirm, .from = segment_from_, .to = sent_until_});
  } else {
    const MediaTime oldest = to_frame(std::max(available_from_, audio_until_ - capacity_));
    if (oldest > onset_from_) {
      ++counters_.clipped;
      onset_from_ = oldest;
    }
    segment_from_ = onset_from_;
    send_from(segment_from_);
    out.push_back({.kind = OnsetActionKind::release, .from = segment_from_});
  }
  out.push_back(
      {.kind = OnsetActionKind::speech_started, .from = segment_from_, .at = onset_from_});
}

void OnsetGate::cancel(OnsetActions& out) noexcept {
  state_ = State::silence;
  ++counters_.cancelled;
  if (sending_)
    out.push_back({.kind = OnsetActionKind::cancel, .from = segment_from_, .to = sent_until_});
  sending_ = false;
}

void OnsetGate::end_speech(MediaTime at, OnsetActions& out) noexcept {
  state_ = State::silence;
  out.push_back(
      {.kind = OnsetActionKind::speech_ended, .from = segment_from_, .to = sent_until_, .at = at});
  sending_ = false;
}

OnsetActions OnsetGate::finish() noexcept {
  OnsetActions out;
  if (state_ == State::unconfirmed) cancel(out);
  // Where no silence began, the pad has nothing to stand in: the input's end is the speech's end.
  if (state_ == State::speech)
    end_speech(std::min(last_heard_ + params_.pad, std::max(audio_until_, last_heard_)), out);
  return out;
}

Voice OnsetGate::voice() const noexcept {
  Voice voice{.state = VoiceState::none, .began = trigger_, .last_heard = last_heard_};
  if (state_ == State::unconfirmed) voice.state = VoiceState::unconfirmed;
  if (state_ == State::speech)
    voice.state = last_heard_ < decided_until_ ? VoiceState::pausing : VoiceState::speaking;
  return voice;
}

MediaTime OnsetGate::to_frame(MediaTime at) const noexcept {
  return base::media_time(base::frame_at(std::max(at, MediaTime{0}), rate_hz_), rate_hz_);
}

}  // namespace millrace::policy
