#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace millrace::base {

/// Why a packet never reached its reader. (A merged packet is not dropped: it is counted apart.)
enum class DropReason : std::uint8_t {
  overflow,   ///< its queue was full
  max_age,    ///< it had waited longer than its queue allows
  cancelled,  ///< a segment it hangs on was cancelled
  deadline,   ///< it could no longer be in time
  closed,     ///< its session or edge had ended
  failed,     ///< the stage that should have taken it had failed
};

inline constexpr std::size_t kDropReasons = 6;

/// snake_case name of `reason`, as it appears in events and metrics.
[[nodiscard]] constexpr std::string_view name(DropReason reason) noexcept {
  switch (reason) {
    case DropReason::overflow: return "overflow";
    case DropReason::max_age: return "max_age";
    case DropReason::cancelled: return "cancelled";
    case DropReason::deadline: return "deadline";
    case DropReason::closed: return "closed";
    case DropReason::failed: return "failed";
  }
  return "failed";
}

}  // namespace millrace::base
