#pragma once

#include <cstdint>
#include <optional>

#include "millrace/base/time.hpp"

namespace millrace::policy {

struct PlayoutParams {
  std::int32_t rate_hz = 16'000;
  base::MediaTime piece{20'000};    ///< what leaves at once
  base::MediaTime cushion{40'000};  ///< how far the sink is ahead of the ear; at least one piece
  base::MediaTime cushion_max{200'000};
  base::MediaTime calm{10'000'000};  ///< played without an underrun before the cushion shrinks
};

struct PlayoutCounters {
  std::uint64_t underruns = 0;
  base::Duration inserted_silence{0};
};

/// What an interruption leaves of a reply.
struct Flushed {
  std::int64_t heard = 0;     ///< position: frames that were played up to the flush
  std::int64_t unplayed = 0;  ///< frames taken in, and not played
};

/// The playout clock of one sink. Audio leaves as far ahead of the ear as the cushion allows: the
/// first piece at once, the rest at the pace of its rate. When the ear has caught up before the
/// reply is over that is an underrun: the clock waits, the silence is counted, and the cushion
/// grows by a piece; it shrinks by one after each `calm` of audio without.
///   units    positions are frames since the clock was made, counted as heard: a flush takes what
///            was not heard out again
///   threads  the sink's shard; never blocks or allocates
class Playout {
 public:
  explicit Playout(const PlayoutParams& params) noexcept;

  /// Takes `frames` more, `last` when they end a reply. Answers the position of the first of them.
  std::int64_t push(std::uint32_t frames, bool last, base::Instant now) noexcept;
  /// Frames that may leave now: whole pieces, or the rest of a reply.
  [[nodiscard]] std::uint32_t due(base::Instant now) noexcept;
  /// `frames` of what was due left at `now`.
  void sent(std::uint32_t frames, base::Instant now) noexcept;
  /// When due() will answer more than 0 if nothing else happens; nothing while there is nothing to
  /// send, or paused.
  [[nodiscard]] std::optional<base::Instant> next(base::Instant now) noexcept;

  /// The ear stops at once, and goes on from there.
  void pause(base::Instant now) noexcept;
  void resume(base::Instant now) noexcept;
  /// Forgets everything that was not heard; ends a pause.
  Flushed flush(base::Instant now) noexcept;

  /// Position of the ear.
  [[nodiscard]] std::int64_t heard(base::Instant now) const noexcept;
  /// How much was heard of what began at `position` (as push() answered it).
  [[nodiscard]] base::MediaTime played(std::int64_t position, base::Instant now) const noexcept;
  /// Whether there is audio that was not heard yet.
  [[nodiscard]] bool playing(base::Instant now) const noexcept { return heard(now) < queued_; }
  [[nodiscard]] bool paused() const noexcept { return paused_; }
  [[nodiscard]] base::MediaTime cushion() const noexcept {
    return base::media_time(cushion_, rate_hz_);
  }
  [[nodiscard]] const PlayoutCounters& counters() const noexcept { return counters_; }

 private:
  void advance(base::Instant now) noexcept;
  /// Where the ear would be if nothing ever ran out.
  [[nodiscard]] std::int64_t unbounded(base::Instant now) const noexcept;
  [[nodiscard]] base::Duration span(std::int64_t frames) const noexcept;
  void count_silence(base::Instant now) noexcept;

  std::int32_t rate_hz_;
  std::int64_t piece_;
  std::int64_t cushion_min_;
  std::int64_t cushion_max_;
  std::int64_t calm_;
  std::int64_t cushion_;
  std::int64_t queued_ = 0;  ///< end of what was taken in
  std::int64_t sent_ = 0;    ///< end of what has left
  std::int64_t anchor_ = 0;  ///< the ear was here at anchor_at_
  std::int64_t calm_from_ = 0;
  base::Instant anchor_at_{};
  bool running_ = false;   ///< the ear moves
  bool starving_ = false;  ///< it would, but has nothing to hear
  bool paused_ = false;
  bool ended_ = true;  ///< the reply taken in is complete
  PlayoutCounters counters_;
};

}  // namespace millrace::policy
