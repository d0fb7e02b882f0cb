#include "millrace/policy/turn_clock.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace millrace::policy {

using base::MediaTime;
using std::chrono::milliseconds;

std::optional<TurnParams> TurnParams::preset(std::string_view name) noexcept {
  if (name == "fast") return fixed(milliseconds{100}, milliseconds{300});
  if (name == "balanced") return fixed(milliseconds{200}, milliseconds{600});
  if (name == "careful") return fixed(milliseconds{400}, milliseconds{1000});
  return std::nullopt;
}

TurnClock::TurnClock(const TurnParams& params) noexcept
    : params_(params), eager_silence_(params.eager_silence), end_of_turn_(params.end_of_turn) {}

void TurnClock::step(MediaTime decided_until, const Voice& voice) noexcept {
  switch (voice.state) {
    case VoiceState::speaking: spoke(); return;
    case VoiceState::unconfirmed: paused_ = true; return;
    case VoiceState::none:
    case VoiceState::pausing: break;
  }
  if (!open_) return;
  if (!silent_) {
    silent_ = true;
    since_ = voice.last_heard;
    counted_until_ = since_;
  } else if (paused_) {
    // The window that cancelled belongs to the pause: until it came nobody knew.
    counted_until_ = decided_until;
  }
  paused_ = false;
  elapsed_ += std::max(decided_until - counted_until_, MediaTime{0});
  counted_until_ = std::max(counted_until_, decided_until);
}

void TurnClock::spoke() noexcept {
  open_ = true;
  paused_ = false;
  silent_ = false;
  eager_made_ = false;
  elapsed_ = MediaTime{0};
  eager_silence_ = params_.eager_silence;
  end_of_turn_ = params_.end_of_turn;
  if (standing_ == 0) return;
  resumed_ = standing_;
  standing_ = 0;
}

void TurnClock::verdict(MediaTime since, float ends) noexcept {
  if (!silent() || since != since_ || std::isnan(ends)) return;
  const double share = std::clamp(static_cast<double>(ends), 0.0, 1.0);
  const auto between = [share](MediaTime low, MediaTime high) {
    const double span = static_cast<double>((high - low).count());
    return high - MediaTime{std::llround(span * share)};
  };
  eager_silence_ = between(params_.eager_min, params_.eager_max);
  end_of_turn_ = std::max(between(params_.end_min, params_.end_max), eager_silence_);
}

void TurnClock::guessed(base::Revision revision) noexcept {
  standing_ = revision;
  exhausted_ = revision + 1 >= SpeculationLedger::kMaxRevision;
}

void TurnClock::finish(MediaTime end) noexcept {
  if (!open_) return;
  finishing_ = true;
  end_at_ = silent_ ? std::min(at(), end) : end;
}

void TurnClock::abandon() noexcept {
  close();
  resumed_ = 0;
}

void TurnClock::close() noexcept {
  open_ = silent_ = paused_ = eager_made_ = finishing_ = exhausted_ = false;
  standing_ = 0;
  elapsed_ = MediaTime{0};
  eager_silence_ = params_.eager_silence;
  end_of_turn_ = params_.end_of_turn;
}

std::optional<TurnEvent> TurnClock::next() noexcept {
  if (resumed_ != 0) {
    const TurnEvent event{.kind = TurnEventKind::turn_resumed, .revision = resumed_, .at = since_};
    resumed_ = 0;
    return event;
  }
  if (!open_) return std::nullopt;
  const bool counting = silent_ && !paused_ && !finishing_;
  if (counting && params_.eager && !eager_made_ && !exhausted_ && elapsed_ >= eager_silence_) {
    eager_made_ = true;
    return TurnEvent{.kind = TurnEventKind::eager_end_of_turn, .at = at()};
  }
  if (finishing_ || (counting && elapsed_ >= end_of_turn_)) {
    const TurnEvent event{.kind = TurnEventKind::end_of_turn,
                          .revision = standing_,
                          .at = finishing_ ? end_at_ : at()};
    close();
    return event;
  }
  return std::nullopt;
}

}  // namespace millrace::policy
