#pragma once

#include <cstdint>
#include <string_view>

#include "millrace/base/ids.hpp"
#include "millrace/base/time.hpp"
#include "millrace/rt/payload_pool.hpp"

namespace millrace::media {

/// The control messages. Urgent ones act on arrival; aligned ones keep a place among the data and
/// take effect at a node once it has consumed everything sent before them.
enum class ControlType : std::uint8_t {
  cancel_speculation,   ///< urgent
  confirm_speculation,  ///< urgent
  interrupt,            ///< urgent
  batch_hint,           ///< urgent
  deadline_warning,     ///< urgent
  custom,               ///< urgent
  eager_end_of_turn,    ///< aligned
  turn_resumed,         ///< aligned
  end_of_turn,          ///< aligned
  end_of_input,         ///< aligned; inside the engine only: no more data will come
};

/// Why a segment or turn was withdrawn.
enum class CancelReason : std::uint8_t { too_short, client, interrupted, resumed, budget, closed };

[[nodiscard]] std::string_view name(ControlType type) noexcept;
[[nodiscard]] std::string_view name(CancelReason reason) noexcept;
[[nodiscard]] constexpr bool is_aligned(ControlType type) noexcept {
  return type >= ControlType::eager_end_of_turn;
}

/// One control message inside the process. Fields that a type does not use stay at their default.
///   id         unique in the session; the same id twice is a duplicate and acts once
///   from, to   [from, to) of the session's media time (cancel_speculation, interrupt.from)
///   at         where in the audio the speech ended (turn messages)
///   audio_until  end of the last frame sent for the turn (aligned messages)
///   played     how much of the reply was really played (interrupt, on its way to the text side)
///   value      suggested_batch_size, or deadline in microseconds from now
///   body       custom: name, a zero byte, then JSON; batch_hint: the node it is for, or nothing
struct Control {
  ControlType type = ControlType::custom;
  CancelReason reason = CancelReason::client;
  std::uint64_t id = 0;
  base::SegmentId segment;
  base::TurnId turn;
  base::Revision revision = 0;
  base::MediaTime from{0};
  base::MediaTime to{0};
  base::MediaTime at{0};
  base::MediaTime audio_until{0};
  base::MediaTime played{0};
  std::int64_t value = 0;
  std::int64_t timestamp_us = 0;  ///< since the Unix epoch, when the message was made
  base::Instant sent{};           ///< on the engine's clock, for delivery latency
  rt::Payload body;
};

}  // namespace millrace::media
