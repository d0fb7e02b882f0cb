#include "millrace/policy/barge_in.hpp"

namespace millrace::policy {

BargeInAction BargeIn::step(const Voice& voice, bool playing) noexcept {
  if (!playing) {
    // What was held has ended in another way: flushed, or its turn withdrawn.
    holding_ = false;
    return BargeInAction::none;
  }
  if (voice.state == VoiceState::none) return let_go();
  const bool confirmed = voice.state == VoiceState::speaking || voice.state == VoiceState::pausing;
  if (confirmed && voice.last_heard - voice.began >= interrupt_min_) {
    holding_ = false;
    ++counters_.interrupts;
    return BargeInAction::interrupt;
  }
  if (holding_) return BargeInAction::none;
  holding_ = true;
  ++counters_.pauses;
  return BargeInAction::pause;
}

BargeInAction BargeIn::let_go() noexcept {
  if (!holding_) return BargeInAction::none;
  holding_ = false;
  ++counters_.resumes;
  return BargeInAction::resume;
}

}  // namespace millrace::policy
