#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "millrace/base/ids.hpp"
#include "millrace/base/time.hpp"
#include "millrace/media/control.hpp"
#include "millrace/media/lineage.hpp"
#include "millrace/rt/payload_pool.hpp"

namespace millrace::media {

/// Kinds of packet; the numbers are those of the binary wire form.
enum class PacketKind : std::uint8_t { audio = 1, video = 2, text = 3, tensor = 4, control = 5 };

/// What a text packet is to its turn.
enum class TextRole : std::uint8_t {
  partial,   ///< a hypothesis that a later one replaces
  complete,  ///< the whole text of its turn and revision
  sentence,  ///< one sentence of several; `last` marks the final one
};

/// Whether everything a packet hangs on was confirmed when it left.
enum class PacketState : std::uint8_t { speculative, confirmed };

/// What a node may be asked to give up for the deadline of a packet. Each node type says in its
/// contract which of these it can.
struct GiveUp {
  bool smaller_first_chunk = false;  ///< the first output is shorter, and comes sooner
  bool lower_quality = false;        ///< the work is coarser, and takes less time

  [[nodiscard]] bool any() const noexcept { return smaller_first_chunk || lower_quality; }
  friend bool operator==(const GiveUp&, const GiveUp&) noexcept = default;
};

[[nodiscard]] std::string_view name(PacketKind kind) noexcept;

/// Marks "no deadline".
inline constexpr base::Instant kNoDeadline{base::Duration::max()};

/// A block of audio, a text, a tensor, a video frame passed through, or a marker in the data (an
/// aligned control message), with the header that travels with it. Copying shares the payload.
///   audio    payload is [frames][channels] interleaved float32 in [-1, 1]
///   text     payload is UTF-8
///   tensor   one float in `value` (a VAD probability), or float32 in the payload
///   control  `control_type`, lineage.turn, lineage.revision, from (= at) and to (= audio_until)
///   about_turn, about_revision   what a packet tells of that hangs on nothing: the words heard of
///   a
///            reply that was interrupted, which must leave although nothing of its turn may
///   optional what its sender could do without: left out where it would be late and `skip_optional`
///            may be given up
///   give_up  set by the batching wrapper for the node behind it, and by nobody else
///   units    from/to are media time of the session's input audio, [from, to)
struct Packet {
  PacketKind kind = PacketKind::audio;
  PacketState state = PacketState::speculative;
  TextRole role = TextRole::complete;
  ControlType control_type = ControlType::custom;
  std::uint8_t port = 0;       ///< input port of the node that gets it
  bool discontinuity = false;  ///< something before this packet was lost or cut away
  bool last = false;           ///< last piece of a streamed result (a reply, its audio)
  bool optional = false;       ///< may be left out for a deadline
  GiveUp give_up;              ///< what the node behind the batching wrapper gives up for it
  std::uint16_t origin = 0;    ///< marker: index of the stage that made it
  std::int16_t channels = 1;
  std::int32_t rate_hz = 0;
  std::uint32_t frames = 0;
  float value = 0.0F;
  std::uint64_t id = 0;  ///< control id of a marker; 0 otherwise
  base::MediaTime from{0};
  base::MediaTime to{0};
  base::Instant due{};       ///< when the input frame that completed this was due
  base::Instant enqueued{};  ///< when it entered the queue it is in
  base::Instant deadline = kNoDeadline;
  Lineage lineage;
  base::TurnId about_turn;
  base::Revision about_revision = 0;
  rt::Payload payload;

  [[nodiscard]] std::span<const float> samples() const noexcept { return payload.as<float>(); }
  [[nodiscard]] std::string_view text() const noexcept {
    const auto chars = payload.as<char>();
    return {chars.data(), chars.size()};
  }
  [[nodiscard]] bool is_marker() const noexcept { return kind == PacketKind::control; }
};

}  // namespace millrace::media
