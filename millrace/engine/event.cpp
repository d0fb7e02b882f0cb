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
    case EventType::batch: return "batch";
    case EventType::deadline_warning: return "deadline_warning";
    case EventType::deadline_action: return "deadline_action";
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

std::string_view name(ControlCode code) noexcept {
  switch (code) {
    case ControlCode::none: return "";
    case ControlCode::repeated: return "repeated";
    case ControlCode::already_confirmed: return "already_confirmed";
    case ControlCode::already_cancelled: return "already_cancelled";
    case ControlCode::already_failed: return "already_failed";
    case ControlCode::already_interrupted: return "already_interrupted";
    case ControlCode::unknown_segment: return "unknown_segment";
    case ControlCode::unknown_turn: return "unknown_turn";
    case ControlCode::unknown_node: return "unknown_node";
    case ControlCode::bad_value: return "bad_value";
    case ControlCode::bad_range: return "bad_range";
    case ControlCode::outside_ring: return "outside_ring";
    case ControlCode::duplicate_id_other_content: return "duplicate_id_other_content";
    case ControlCode::too_large: return "too_large";
    case ControlCode::gate_only: return "gate_only";
    case ControlCode::lane_full: return "lane_full";
  }
  return "";
}

}  // namespace millrace::engine
