#pragma once

#include <cstdint>
#include <string_view>

#include "millrace/base/ids.hpp"
#include "millrace/base/inline_vector.hpp"
#include "millrace/base/time.hpp"

namespace millrace::metrics {

/// What the time of a turn went into.
enum class TurnPart : std::uint8_t {
  endpoint_wait,  ///< silence that had to pass before the turn was called over
  queue_wait,     ///< in front of a stage on the shard
  pool_wait,      ///< in front of a pool thread, a process or a peer
  compute,        ///< inside one node, named by its number in the plan
  aggregation,    ///< a batch waiting for its other members
  ipc,            ///< on the way to or from another process or machine
  pacing,         ///< held back so as not to run ahead of playback
};

/// snake_case name of `part`, as it appears in events ("compute" is followed there by the node).
[[nodiscard]] std::string_view name(TurnPart part) noexcept;

/// A part, and for compute the node it is about.
struct PartId {
  TurnPart part = TurnPart::queue_wait;
  std::uint16_t node = 0;
  friend bool operator==(const PartId&, const PartId&) = default;
};

[[nodiscard]] constexpr PartId compute_of(std::uint16_t node) noexcept {
  return {TurnPart::compute, node};
}

struct PartTime {
  PartId id;
  base::Duration spent{};
  friend bool operator==(const PartTime&, const PartTime&) = default;
};

/// Distinct parts one turn can name; time of further ones is left unattributed.
inline constexpr std::size_t kTurnParts = 64;

/// Where the time of one turn went: total() == sum of the parts + unattributed(), by construction.
struct TurnRecord {
  base::TurnId turn;
  base::Instant began;
  base::Instant ended;
  base::InlineVector<PartTime, kTurnParts> parts;  ///< in order of first mention

  [[nodiscard]] base::Duration total() const noexcept { return ended - began; }
  [[nodiscard]] base::Duration attributed() const noexcept;
  [[nodiscard]] base::Duration unattributed() const noexcept { return total() - attributed(); }
  [[nodiscard]] base::Duration spent(PartId id) const noexcept;
};

/// Books the time of one turn as it passes. A cursor runs from the turn's beginning to its end;
/// each mark moves it on and gives the stretch it crossed to one part. A stretch is crossed once,
/// so overlapping work is never booked twice and the parts cannot exceed the whole.
///   threads  one (the session's shard)
///   errors   none: marks in the past, and marks outside a turn, change nothing
/// Fixed memory, nothing allocated.
class TurnLedger {
 public:
  /// Starts booking `turn`; a turn in progress is forgotten.
  void begin(base::TurnId turn, base::Instant at) noexcept;

  /// Books everything from the cursor to `until` on `id`.
  void mark(PartId id, base::Instant until) noexcept;
  /// Books [from, until) on `id`, but for what is booked already; what lies between the cursor and
  /// `from` stays unattributed.
  void mark(PartId id, base::Instant from, base::Instant until) noexcept;
  /// Books the next `span` after the cursor on `id`.
  void add(PartId id, base::Duration span) noexcept { mark(id, cursor_ + span); }
  /// Leaves everything up to `until` unattributed.
  void skip(base::Instant until) noexcept;

  /// Ends the turn. An `at` before the cursor is too early: the turn then ends at the cursor, since
  /// that time has been booked.
  TurnRecord end(base::Instant at) noexcept;

  [[nodiscard]] bool open() const noexcept { return open_; }
  [[nodiscard]] base::TurnId turn() const noexcept { return record_.turn; }
  [[nodiscard]] base::Instant cursor() const noexcept { return cursor_; }

 private:
  void book(PartId id, base::Duration span) noexcept;

  TurnRecord record_;
  base::Instant cursor_{};
  bool open_ = false;
};

}  // namespace millrace::metrics
