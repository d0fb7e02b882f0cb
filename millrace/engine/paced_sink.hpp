#pragma once

#include <cstdint>
#include <optional>

#include "millrace/media/packet.hpp"
#include "millrace/node/node.hpp"
#include "millrace/policy/playout.hpp"
#include "millrace/rt/payload_pool.hpp"

namespace millrace::engine {

/// The player of one session's paced sink: cuts audio into pieces of 20 ms and lets each out when
/// it is due, so that what an interruption finds unplayed has not left yet.
///   threads  the shard; never blocks or allocates
class PacedSink {
 public:
  explicit PacedSink(node::Pacing pacing) noexcept : pacing_(pacing) {}

  /// Whether it wants another packet: it has nothing more to cut.
  [[nodiscard]] bool wants_packet() const noexcept { return !current_; }
  /// Takes one audio packet in.
  void take(media::Packet&& packet, base::Instant now) noexcept;
  /// The lineage of what it is cutting.
  [[nodiscard]] const media::Packet* current() const noexcept {
    return current_ ? &*current_ : nullptr;
  }
  /// The next piece, when one is due at `now`.
  [[nodiscard]] std::optional<media::Packet> next_piece(base::Instant now,
                                                        rt::PayloadPool& payloads) noexcept;
  /// When there may be another piece; the latest possible instant when nothing waits.
  [[nodiscard]] base::Instant next_due(base::Instant now) noexcept;

  void pause(base::Instant now) noexcept;
  void resume(base::Instant now) noexcept;
  /// Forgets what was not heard; answers how much of the latest turn was.
  base::MediaTime flush(base::Instant now) noexcept;
  /// The same for an interruption. What belongs to no turn has no name that the ledger could
  /// withdraw, so the rest of it is refused here.
  base::MediaTime interrupt(base::Instant now) noexcept;
  /// Whether `packet` is the rest of what was interrupted without a turn: up to the packet that
  /// ends it, or to the first one of a turn. To be asked once for each packet, in order.
  [[nodiscard]] bool refuses(const media::Packet& packet) noexcept;
  [[nodiscard]] bool playing(base::Instant now) const noexcept;
  [[nodiscard]] bool paused() const noexcept { return playout_ && playout_->paused(); }
  [[nodiscard]] policy::PlayoutCounters counters() const noexcept {
    return playout_ ? playout_->counters() : policy::PlayoutCounters{};
  }

 private:
  node::Pacing pacing_;
  std::optional<policy::Playout> playout_;  ///< made by the first packet, which knows the rate
  std::int32_t rate_hz_ = 0;
  std::optional<media::Packet> current_;
  std::uint32_t offset_ = 0;  ///< frames of `current_` that have left
  base::TurnId turn_;
  std::int64_t turn_position_ = 0;  ///< where the audio of `turn_` began
  bool took_last_ = true;           ///< the reply taken in is complete
  bool refusing_ = false;
};

}  // namespace millrace::engine
