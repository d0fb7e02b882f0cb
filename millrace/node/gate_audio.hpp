#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "millrace/base/result.hpp"
#include "millrace/base/time.hpp"
#include "millrace/media/audio_ring.hpp"
#include "millrace/media/lineage.hpp"
#include "millrace/node/context.hpp"

namespace millrace::node {

/// The audio side of a gate: keeps what came, and sends ranges of it. A range grows while audio
/// comes and leaves with flush(), so that what belongs together in one call leaves in one piece.
///   units    positions are frame numbers at rate_hz()
///   threads  the shard; nothing allocates after create()
///   errors   create(): as media::AudioRing; afterwards Context::failed()
class GateAudio {
 public:
  /// `keep` is how far back a range may begin.
  [[nodiscard]] static base::Result<GateAudio> create(std::int32_t rate_hz, std::int16_t channels,
                                                      base::MediaTime keep);

  /// A call of the node begins: it may give kGateMaxOutputs packets on each port.
  void begin_call() noexcept { emitted_ = checked_ = 0; }
  /// Frames that append() takes at most.
  [[nodiscard]] std::int64_t most_frames() const noexcept { return most_frames_; }
  /// Whether the ring would forget audio of the open range if `frames` came.
  [[nodiscard]] bool must_flush(std::int64_t frames) const noexcept;
  void append(std::int64_t from, std::span<const float> interleaved) noexcept;

  /// Opens a range at `from`, or at the first frame that was not sent before and is still held.
  void begin(std::int64_t from) noexcept;
  /// The open range goes on to `to`.
  void extend(std::int64_t to) noexcept;
  /// The next frames do not follow those before, though no time is missing between them.
  void mark_break() noexcept { broken_ = true; }
  /// The range goes on at `at`; nothing between is sent.
  void jump(std::int64_t at) noexcept { from_ = to_ = at; }
  /// Sends what the range has, under `lineage`.
  void flush(const media::Lineage& lineage, Context& context) noexcept;
  /// Sends [from, to), or as much of its end as is held, to the turn model.
  void check(std::int64_t from, std::int64_t to, const media::Lineage& lineage,
             Context& context) noexcept;

  /// The frame after the last one that was sent and not withdrawn.
  [[nodiscard]] std::int64_t kept() const noexcept { return kept_; }
  /// What was sent from `kept` on was withdrawn.
  void withdraw_to(std::int64_t kept) noexcept { kept_ = kept; }

  [[nodiscard]] std::int64_t oldest() const noexcept { return ring_.oldest(); }
  [[nodiscard]] std::int64_t end() const noexcept { return ring_.end(); }
  [[nodiscard]] std::int32_t rate_hz() const noexcept { return rate_hz_; }
  [[nodiscard]] std::int16_t channels() const noexcept { return channels_; }
  [[nodiscard]] base::MediaTime time_of(std::int64_t frame) const noexcept {
    return base::media_time(frame, rate_hz_);
  }
  [[nodiscard]] std::int64_t frame_of(base::MediaTime at) const noexcept {
    return base::frame_at(at, rate_hz_);
  }

 private:
  GateAudio(media::AudioRing ring, std::int32_t rate_hz, std::int16_t channels);
  [[nodiscard]] bool emit(std::size_t port, std::int64_t from, std::int64_t to,
                          const media::Lineage& lineage, bool follows, bool last,
                          Context& context) noexcept;

  media::AudioRing ring_;
  std::int32_t rate_hz_;
  std::int16_t channels_;
  std::int64_t most_frames_;
  std::int64_t from_ = 0;  ///< the open range
  std::int64_t to_ = 0;
  std::int64_t kept_ = 0;
  bool broken_ = false;
  std::uint32_t emitted_ = 0;  ///< in this call
  std::uint32_t checked_ = 0;
};

}  // namespace millrace::node
