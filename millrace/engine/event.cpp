#include "millrace/engine/event.hpp"

namespace millrace::engine {

std::string_view name(EventType type) noexcept {
  switch (type) {
    case EventType::speculation_started: return "speculation_started";
    case EventType::speculation_confirmed: return "speculation_confirmed";
    case EventType::speculation_cancelled: return "speculation_cancelled";
    case EventType::speech_started: return "speech_started";
    case EventType::speech_ended: return "speech_ended";
    case EventType::eager_end_of_turn: return "eager_end_of_turn";
    case EventType::turn_resumed: return "turn_resumed";
    case EventType::end_of_turn: return "end_of_turn";
    case EventType::interrupt: return "interrupt";
    case EventType::playback_paused: return "playback_paused";
    case EventType::playback_resumed: return "playback_resumed";
    case EventType::output: return "output";
    case EventType::withheld: return "withheld";
    case EventType::dropped: return "dropped";
    case EventType::control: return "control";
    case EventType::turn: return "turn";
    case EventType::budget: return "budget";
    case EventType::failed: return "failed";
  }
  return "failed";
}

std::string_view name(ControlStatus status) noexcept {
  switch (status) {
    case ControlStatus::applied: return "applied";
    case ControlStatus::duplicate: return "duplicate";
    case ControlStatus::too_late: return "too_late";
    case ControlStatus::rejected: return "rejected";
    case ControlStatus::overloaded: return "overloaded";
  }
  return "rejected";
}

}  // namespace millrace::engine
