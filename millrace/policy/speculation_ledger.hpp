#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "millrace/base/ids.hpp"
#include "millrace/media/lineage.hpp"

namespace millrace::policy {

enum class SegmentKind : std::uint8_t { onset, end_of_turn };

/// speculative -> confirmed | cancelled | failed; the last three are final. `unknown`: the number
/// was never given out, or is so old that the ledger forgot it.
enum class SegmentState : std::uint8_t { unknown, speculative, confirmed, cancelled, failed };

/// Answer to a request that would change a segment or a turn.
enum class Verdict : std::uint8_t {
  applied,
  duplicate,  ///< it already is so
  too_late,   ///< it is final in another way: nothing was changed
  unknown,    ///< no such segment or turn
};

/// What the fence does with a packet.
enum class FenceDecision : std::uint8_t { pass, hold, drop };

struct LedgerCounters {
  std::uint64_t opened = 0;
  std::uint64_t confirmed = 0;
  std::uint64_t cancelled = 0;
  std::uint64_t failed = 0;
  std::uint64_t too_late = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t turns = 0;
  std::uint64_t revisions_withdrawn = 0;
  std::uint64_t interrupted = 0;
};

/// Which segments and turns of one session still stand. Every queue, worker return and exit asks it
/// before a packet moves on, so that a cancel is one write here.
///   memory   fixed: the last kSegments segments and kTurns turns; what is older is not live, and a
///            segment still speculative when its place is needed again becomes failed (counted)
///   threads  one writer (the session's shard); live(), committed() and fence() from any thread
///   cost     O(1) for a segment or turn; a lineage has at most eight segments
class SpeculationLedger {
 public:
  static constexpr std::uint32_t kSegments = 4096;
  static constexpr std::uint32_t kTurns = 256;
  /// Guesses a turn can have; guess() answers 0 after that.
  static constexpr base::Revision kMaxRevision = 1023;

  SpeculationLedger() noexcept = default;
  SpeculationLedger(const SpeculationLedger&) = delete;
  SpeculationLedger& operator=(const SpeculationLedger&) = delete;

  // Writer side -------------------------------------------------------------------------------
  /// The next number. None (0) once every number was given out: numbers are never used twice.
  [[nodiscard]] base::SegmentId open(SegmentKind kind) noexcept;
  Verdict confirm(base::SegmentId segment) noexcept;
  Verdict cancel(base::SegmentId segment) noexcept;
  Verdict fail(base::SegmentId segment) noexcept;

  [[nodiscard]] base::TurnId open_turn() noexcept;
  /// A new guess about `turn`: the revision after the last one given out for it. 0 means that there
  /// is no further guess: the turn is unknown, committed or interrupted, or kMaxRevision was given.
  [[nodiscard]] base::Revision guess(base::TurnId turn) noexcept;
  /// Withdraws revisions 1..revision of `turn` (turn_resumed). After commit: too_late.
  Verdict withdraw(base::TurnId turn, base::Revision revision) noexcept;
  /// The turn ended with `revision`; every other revision of it is dead from now on, while packets
  /// of revision 0 (nothing guessed went into them) stay as they were. A withdrawn revision, an
  /// interrupted turn or one committed with another revision: too_late.
  Verdict commit(base::TurnId turn, base::Revision revision) noexcept;
  /// Nothing of `turn` or of any turn before it may leave any more, committed or not.
  Verdict interrupt(base::TurnId turn) noexcept;

  // Any thread --------------------------------------------------------------------------------
  [[nodiscard]] SegmentState state(base::SegmentId segment) const noexcept;
  /// The kind `segment` was opened with; onset when it is unknown.
  [[nodiscard]] SegmentKind kind(base::SegmentId segment) const noexcept;
  /// Not withdrawn: everything `lineage` hangs on is speculative or confirmed.
  [[nodiscard]] bool live(const media::Lineage& lineage) const noexcept;
  /// Everything `lineage` hangs on is confirmed.
  [[nodiscard]] bool committed(const media::Lineage& lineage) const noexcept;
  /// drop when dead, pass when committed, else hold.
  [[nodiscard]] FenceDecision fence(const media::Lineage& lineage) const noexcept;
  /// Takes confirmed segments out of `lineage` while it is full, so that another finds room; the
  /// oldest go first.
  void make_room(media::Lineage& lineage) const noexcept;
  /// A number that grows with every change: lets a reader skip the check when nothing changed.
  [[nodiscard]] std::uint32_t version() const noexcept {
    return version_.load(std::memory_order_acquire);
  }
  [[nodiscard]] base::Revision last_revision(base::TurnId turn) const noexcept;
  [[nodiscard]] bool turn_committed(base::TurnId turn) const noexcept;
  [[nodiscard]] bool turn_interrupted(base::TurnId turn) const noexcept;

  // Writer's thread only ----------------------------------------------------------------------
  [[nodiscard]] const LedgerCounters& counters() const noexcept { return counters_; }
  [[nodiscard]] base::SegmentId last_segment() const noexcept { return {next_segment_ - 1}; }
  [[nodiscard]] base::TurnId last_turn() const noexcept { return {next_turn_ - 1}; }

 private:
  Verdict settle(base::SegmentId segment, SegmentState to) noexcept;
  /// What the ledger knows of `turn`; 0 when its place belongs to another turn.
  [[nodiscard]] std::uint64_t turn_word(base::TurnId turn) const noexcept;
  void set_turn_word(base::TurnId turn, std::uint64_t word) noexcept;
  [[nodiscard]] FenceDecision fence_turn(base::TurnId turn, base::Revision revision) const noexcept;
  void changed() noexcept;

  // All four are written by the shard alone (release) and read by any thread (acquire); each word
  // says all about its segment or turn, so a reader never has to put two of them together.
  // segment: number << 8 | kind << 4 | state. The number tells a reader whose place it now is.
  std::array<std::atomic<std::uint64_t>, kSegments> segments_{};
  // turn: number << 32 | committed revision << 20 | withdrawn up to << 10 | given out.
  std::array<std::atomic<std::uint64_t>, kTurns> turns_{};
  std::atomic<std::uint32_t> interrupted_up_to_{0};
  // Stored after the word it announces: who reads the new number also reads the new word.
  std::atomic<std::uint32_t> version_{0};
  std::uint32_t next_segment_ = 1;
  std::uint32_t next_turn_ = 1;
  LedgerCounters counters_{};
};

}  // namespace millrace::policy
