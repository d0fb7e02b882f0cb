#include "millrace/media/control.hpp"

namespace millrace::media {

std::string_view name(ControlType type) noexcept {
  switch (type) {
    case ControlType::cancel_speculation: return "cancel_speculation";
    case ControlType::confirm_speculation: return "confirm_speculation";
    case ControlType::interrupt: return "interrupt";
    case ControlType::batch_hint: return "batch_hint";
    case ControlType::deadline_warning: return "deadline_warning";
    case ControlType::custom: return "custom";
    case ControlType::eager_end_of_turn: return "eager_end_of_turn";
    case ControlType::turn_resumed: return "turn_resumed";
    case ControlType::end_of_turn: return "end_of_turn";
    case ControlType::end_of_input: return "end_of_input";
  }
  return "custom";
}

std::string_view name(CancelReason reason) noexcept {
  switch (reason) {
    case CancelReason::too_short: return "too_short";
    case CancelReason::client: return "client";
    case CancelReason::interrupted: return "interrupted";
    case CancelReason::resumed: return "resumed";
    case CancelReason::budget: return "budget";
    case CancelReason::closed: return "closed";
  }
  return "client";
}

}  // namespace millrace::media
