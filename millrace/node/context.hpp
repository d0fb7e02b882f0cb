#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "millrace/base/ids.hpp"
#include "millrace/base/time.hpp"
#include "millrace/media/control.hpp"
#include "millrace/media/packet.hpp"
#include "millrace/policy/speculation_ledger.hpp"
#include "millrace/rt/stop_token.hpp"

namespace millrace::node {

/// Opens, confirms and withdraws segments and turns. Only nodes whose contract says `speculates`
/// get one, and only on the shard.
///   threads  rt (the shard); never blocks or allocates
class Speculation {
 public:
  virtual ~Speculation() = default;

  /// A new segment of onset speculation that begins at `from`. Packets emitted with it in their
  /// lineage are withdrawn by cancel_segment(). No segment (number 0) while the budget is used up.
  virtual base::SegmentId open_segment(base::MediaTime from) noexcept = 0;
  virtual void confirm_segment(base::SegmentId segment) noexcept = 0;
  /// [from, to) is exactly what was emitted under `segment`.
  virtual void cancel_segment(base::SegmentId segment, base::MediaTime from, base::MediaTime to,
                              media::CancelReason reason) noexcept = 0;

  virtual void speech_started(base::MediaTime at) noexcept = 0;
  virtual void speech_ended(base::MediaTime at) noexcept = 0;

  virtual base::TurnId open_turn() noexcept = 0;
  /// A guess that the turn ended at `at`; `audio_until` is the end of the last frame sent for it.
  /// The marker goes out on every output port, behind what was emitted before. Revision 0: the
  /// budget is used up and nothing was sent.
  virtual base::Revision eager_end_of_turn(base::TurnId turn, base::MediaTime at,
                                           base::MediaTime audio_until) noexcept = 0;
  virtual void turn_resumed(base::TurnId turn, base::Revision revision) noexcept = 0;
  /// The turn ended with `revision`; 0 takes a new one (no guess stands).
  virtual base::Revision end_of_turn(base::TurnId turn, base::Revision revision, base::MediaTime at,
                                     base::MediaTime audio_until) noexcept = 0;
  /// The caller spoke into the reply: everything of `turn` and before is flushed at every output.
  /// No turn: what plays answers none (a greeting), and that alone is flushed, with what is still
  /// to come of it.
  virtual void interrupt(base::TurnId turn, base::MediaTime from) noexcept = 0;
  /// Whether a sink is playing (or holds back) a reply at this moment.
  [[nodiscard]] virtual bool playing() const noexcept = 0;
  /// Stops the sinks where they are, and lets them go on: a cough, until it is known to be more.
  virtual void pause_playback() noexcept = 0;
  virtual void resume_playback() noexcept = 0;
};

/// What a node may do during a call.
///   threads  the thread of the call, for the time of the call
class Context {
 public:
  virtual ~Context() = default;

  [[nodiscard]] virtual base::Instant now() const noexcept = 0;
  /// Sends `packet` out of output `port`. It inherits what the input of this call hangs on; a node
  /// that gathers over several inputs puts what it gathered into packet.lineage itself.
  /// In the sweep: at most contract.max_outputs per input and port, and never blocks. On the pool:
  /// waits for room downstream, and returns at once when the work is withdrawn.
  virtual void emit(std::size_t port, media::Packet&& packet) noexcept = 0;
  /// Payload memory of at least `size_bytes`, resized to exactly that.
  [[nodiscard]] virtual rt::Payload acquire(std::size_t size_bytes) noexcept = 0;
  /// Nothing that `lineage` hangs on has been withdrawn.
  [[nodiscard]] virtual bool live(const media::Lineage& lineage) const noexcept = 0;
  /// Asked between quanta of long work; true: give up, nothing of it will be used.
  [[nodiscard]] virtual bool stop_requested() const noexcept = 0;
  /// Makes room in a full lineage by forgetting confirmed segments.
  virtual void make_room(media::Lineage& lineage) const noexcept = 0;
  /// on_timer() will be called at `at` (one timer for each node and session; the last one asked
  /// for counts).
  virtual void set_timer(base::Instant at) noexcept = 0;
  /// Sends an urgent control message to every node downstream (custom, …); deadline_warning and
  /// batch_hint go upstream, too.
  virtual void send(media::Control&& control) noexcept = 0;
  /// Null where the contract does not say `speculates`.
  [[nodiscard]] virtual Speculation* speculation() noexcept = 0;
  /// Counts work that failed and names it in the event log; the session goes on.
  virtual void failed(std::string_view what) noexcept = 0;
};

/// A text packet with `text` as payload; the rest of the header is for the caller to fill.
[[nodiscard]] media::Packet text_packet(Context& context, std::string_view text,
                                        media::TextRole role) noexcept;

/// An audio packet with room for `frames` frames; payload is not cleared.
[[nodiscard]] media::Packet audio_packet(Context& context, std::uint32_t frames,
                                         std::int32_t rate_hz, std::int16_t channels = 1) noexcept;

}  // namespace millrace::node
