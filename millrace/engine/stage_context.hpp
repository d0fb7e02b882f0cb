#pragma once

#include "millrace/node/context.hpp"
#include "millrace/node/node.hpp"

namespace millrace::graph {
struct Stage;
}

namespace millrace::engine {

class Shard;
struct SessionState;

/// What a node sees of the shard during a call in the sweep: one for each session of the call.
///   threads  the shard
class StageContext final : public node::Context, public node::Speculation {
 public:
  /// Points it at one session of one stage; `work` (may be null) says which packet is being
  /// processed, so that outputs inherit what that packet hangs on.
  void aim(Shard& shard, SessionState& session, const graph::Stage& stage,
           const node::Work* work) noexcept;
  void clear_input() noexcept { work_ = nullptr; }

  // node::Context
  [[nodiscard]] base::Instant now() const noexcept override;
  void emit(std::size_t port, media::Packet&& packet) noexcept override;
  [[nodiscard]] rt::Payload acquire(std::size_t size_bytes) noexcept override;
  [[nodiscard]] bool live(const media::Lineage& lineage) const noexcept override;
  [[nodiscard]] bool stop_requested() const noexcept override { return false; }
  void make_room(media::Lineage& lineage) const noexcept override;
  void set_timer(base::Instant at) noexcept override;
  void send(media::Control&& control) noexcept override;
  [[nodiscard]] node::Speculation* speculation() noexcept override;
  void failed(std::string_view what) noexcept override;

  // node::Speculation
  base::SegmentId open_segment(base::MediaTime from) noexcept override;
  void confirm_segment(base::SegmentId segment) noexcept override;
  void cancel_segment(base::SegmentId segment, base::MediaTime from, base::MediaTime to,
                      media::CancelReason reason) noexcept override;
  void speech_started(base::MediaTime at) noexcept override;
  void speech_ended(base::MediaTime at) noexcept override;
  base::TurnId open_turn() noexcept override;
  base::Revision eager_end_of_turn(base::TurnId turn, base::MediaTime at,
                                   base::MediaTime audio_until) noexcept override;
  void turn_resumed(base::TurnId turn, base::Revision revision) noexcept override;
  base::Revision end_of_turn(base::TurnId turn, base::Revision revision, base::MediaTime at,
                             base::MediaTime audio_until) noexcept override;
  void interrupt(base::TurnId turn, base::MediaTime from) noexcept override;
  [[nodiscard]] bool playing() const noexcept override;
  void pause_playback() noexcept override;
  void resume_playback() noexcept override;

 private:
  media::Packet marker(media::ControlType type, base::TurnId turn, base::Revision revision,
                       base::MediaTime at, base::MediaTime audio_until) noexcept;

  Shard* shard_ = nullptr;
  SessionState* session_ = nullptr;
  const graph::Stage* stage_ = nullptr;
  const node::Work* work_ = nullptr;
};

}  // namespace millrace::engine
