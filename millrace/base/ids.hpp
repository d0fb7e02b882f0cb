#pragma once

#include <compare>
#include <cstdint>

namespace millrace::base {

/// Number of a speculative segment: unique within a session, never reused, 0 is "none".
struct SegmentId {
  std::uint32_t number = 0;
  [[nodiscard]] constexpr explicit operator bool() const noexcept { return number != 0; }
  friend constexpr auto operator<=>(SegmentId, SegmentId) = default;
};

/// Number of a turn within a session; 0 is "no turn yet".
struct TurnId {
  std::uint32_t number = 0;
  [[nodiscard]] constexpr explicit operator bool() const noexcept { return number != 0; }
  friend constexpr auto operator<=>(TurnId, TurnId) = default;
};

/// A guess about a turn: 1 is the first, 0 means that no guess has been made.
using Revision = std::uint32_t;

}  // namespace millrace::base
