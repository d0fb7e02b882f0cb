#pragma once

#include <cstdint>
#include <string_view>

#include "millrace/base/drop_reason.hpp"
#include "millrace/base/ids.hpp"
#include "millrace/base/time.hpp"
#include "millrace/media/packet.hpp"
#include "millrace/metrics/turn_ledger.hpp"
#include "millrace/policy/deadline_policy.hpp"

namespace millrace::engine {

enum class EventType : std::uint8_t {
  speculation_started,
  speculation_confirmed,
  speculation_cancelled,
  speech_started,
  speech_ended,
  eager_end_of_turn,
  turn_resumed,
  end_of_turn,
  interrupt,
  playback_paused,
  playback_resumed,
  output,
  withheld,
  dropped,
  batch,
  deadline_warning,
  deadline_action,
  control,
  turn,
  budget,
  failed,
};

[[nodiscard]] std::string_view name(EventType type) noexcept;

/// What became of a control message that came from outside the plan.
enum class ControlStatus : std::uint8_t { applied, duplicate, too_late, rejected, overloaded };

[[nodiscard]] std::string_view name(ControlStatus status) noexcept;

/// Why it was answered so; nothing to say of what was applied.
enum class ControlCode : std::uint8_t {
  none,
  repeated,           ///< duplicate: the same id, and it acted the first time
  already_confirmed,  ///< duplicate or too_late: what the segment or turn is already
  already_cancelled,
  already_failed,
  already_interrupted,
  unknown_segment,  ///< rejected: never given out, or forgotten
  unknown_turn,
  unknown_node,                ///< rejected: no node of that name takes such a message
  bad_value,                   ///< rejected: a number outside its range
  bad_range,                   ///< rejected: `from` not before `to`, or below zero
  outside_ring,                ///< rejected: the range begins behind the audio that has come
  duplicate_id_other_content,  ///< rejected
  too_large,                   ///< rejected: over limits::kControlMetadataBytes
  gate_only,                   ///< rejected: a turn message from outside
  lane_full,                   ///< overloaded
};

/// "" for none.
[[nodiscard]] std::string_view name(ControlCode code) noexcept;

/// What happened in a session, as it is logged. Fields that a type does not use keep their default.
///   stage   index into the plan
///   at_media  how much of the session's audio had arrived when it was decided (`t_us`)
///   wall    on the engine's clock, when the sweep began that it happened in
///   logged  on the engine's clock, read when it happened: tells apart two events of one sweep
///   about_turn, about_revision   output: the turn it tells of without hanging on it
///   body    output: the text; failed: what; turn: metrics::PartTime entries
struct Event {
  EventType type = EventType::output;
  media::PacketKind kind = media::PacketKind::audio;
  media::PacketState state = media::PacketState::speculative;
  media::CancelReason cancel_reason = media::CancelReason::too_short;
  media::ControlType control_type = media::ControlType::custom;
  ControlStatus status = ControlStatus::applied;
  ControlCode code = ControlCode::none;
  base::DropReason drop_reason = base::DropReason::overflow;
  policy::GiveUp action = policy::GiveUp::drop;  ///< deadline_action
  bool final = true;                             ///< output text: not a partial hypothesis
  std::uint16_t stage = 0;
  base::SegmentId segment;
  media::Lineage lineage;
  base::TurnId about_turn;
  base::Revision about_revision = 0;
  base::MediaTime at_media{0};
  base::Instant wall{};
  base::Instant logged{};
  base::MediaTime from{0};
  base::MediaTime to{0};
  base::MediaTime at{0};
  base::MediaTime duration{0};
  base::MediaTime played{0};
  std::uint64_t id = 0;
  std::uint64_t count = 0;
  std::uint64_t calls = 0;          ///< batch: packets that its `count` inputs became
  std::uint64_t kept_separate = 0;  ///< batch: inputs that could not be joined as they should
  base::Instant sent{};
  base::Duration total{0};           ///< deadline_warning: by how much it will be late
  base::Duration until_deadline{0};  ///< deadline_warning, deadline_action: from now
  rt::Payload body;
};

}  // namespace millrace::engine
