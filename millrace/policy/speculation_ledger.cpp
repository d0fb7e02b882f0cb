#include "millrace/policy/speculation_ledger.hpp"

#include <limits>

namespace millrace::policy {
namespace {

constexpr std::uint32_t kLastNumber = std::numeric_limits<std::uint32_t>::max();

constexpr std::uint64_t segment_word(std::uint32_t number, SegmentKind kind, SegmentState state) {
  return std::uint64_t{number} << 8 | static_cast<std::uint64_t>(kind) << 4 |
         static_cast<std::uint64_t>(state);
}
constexpr std::uint32_t segment_number(std::uint64_t word) {
  return static_cast<std::uint32_t>(word >> 8);
}
constexpr SegmentState segment_state(std::uint64_t word) {
  return static_cast<SegmentState>(word & 0xF);
}
constexpr SegmentKind segment_kind(std::uint64_t word) {
  return static_cast<SegmentKind>(word >> 4 & 0xF);
}

constexpr std::uint64_t kRevisionMask = 0x3FF;
static_assert(SpeculationLedger::kMaxRevision == kRevisionMask);

struct Turn {
  base::Revision committed = 0;
  base::Revision withdrawn = 0;
  base::Revision given = 0;
};

constexpr Turn unpack(std::uint64_t word) {
  return {.committed = static_cast<base::Revision>(word >> 20 & kRevisionMask),
          .withdrawn = static_cast<base::Revision>(word >> 10 & kRevisionMask),
          .given = static_cast<base::Revision>(word & kRevisionMask)};
}
constexpr std::uint64_t pack(std::uint32_t number, const Turn& turn) {
  return std::uint64_t{number} << 32 | std::uint64_t{turn.committed} << 20 |
         std::uint64_t{turn.withdrawn} << 10 | turn.given;
}

}  // namespace

base::SegmentId SpeculationLedger::open(SegmentKind kind) noexcept {
  if (next_segment_ == kLastNumber) return {};
  const std::uint32_t number = next_segment_++;
  std::atomic<std::uint64_t>& place = segments_[number % kSegments];
  if (segment_state(place.load(std::memory_order_relaxed)) == SegmentState::speculative)
    ++counters_.failed;
  place.store(segment_word(number, kind, SegmentState::speculative), std::memory_order_release);
  ++counters_.opened;
  changed();
  return {number};
}

Verdict SpeculationLedger::settle(base::SegmentId segment, SegmentState to) noexcept {
  const SegmentState now = state(segment);
  if (now == SegmentState::unknown) return Verdict::unknown;
  if (now == to) {
    ++counters_.duplicates;
    return Verdict::duplicate;
  }
  if (now != SegmentState::speculative) {
    ++counters_.too_late;
    return Verdict::too_late;
  }
  std::atomic<std::uint64_t>& place = segments_[segment.number % kSegments];
  const SegmentKind kind = segment_kind(place.load(std::memory_order_relaxed));
  place.store(segment_word(segment.number, kind, to), std::memory_order_release);
  changed();
  return Verdict::applied;
}

Verdict SpeculationLedger::confirm(base::SegmentId segment) noexcept {
  const Verdict verdict = settle(segment, SegmentState::confirmed);
  if (verdict == Verdict::applied) ++counters_.confirmed;
  return verdict;
}

Verdict SpeculationLedger::cancel(base::SegmentId segment) noexcept {
  const Verdict verdict = settle(segment, SegmentState::cancelled);
  if (verdict == Verdict::applied) ++counters_.cancelled;
  return verdict;
}

Verdict SpeculationLedger::fail(base::SegmentId segment) noexcept {
  const Verdict verdict = settle(segment, SegmentState::failed);
  if (verdict == Verdict::applied) ++counters_.failed;
  return verdict;
}

base::TurnId SpeculationLedger::open_turn() noexcept {
  if (next_turn_ == kLastNumber) return {};
  const base::TurnId turn{next_turn_++};
  ++counters_.turns;
  set_turn_word(turn, pack(turn.number, {}));
  return turn;
}

base::Revision SpeculationLedger::guess(base::TurnId turn) noexcept {
  const std::uint64_t word = turn_word(turn);
  Turn known = unpack(word);
  if (word == 0 || turn_interrupted(turn) || known.committed != 0 || known.given == kMaxRevision)
    return 0;
  ++known.given;
  set_turn_word(turn, pack(turn.number, known));
  return known.given;
}

Verdict SpeculationLedger::withdraw(base::TurnId turn, base::Revision revision) noexcept {
  const std::uint64_t word = turn_word(turn);
  Turn known = unpack(word);
  if (word == 0 || revision == 0 || revision > known.given) return Verdict::unknown;
  if (revision <= known.withdrawn) {
    ++counters_.duplicates;
    return Verdict::duplicate;
  }
  if (known.committed != 0 || turn_interrupted(turn)) {
    ++counters_.too_late;
    return Verdict::too_late;
  }
  counters_.revisions_withdrawn += revision - known.withdrawn;
  known.withdrawn = revision;
  set_turn_word(turn, pack(turn.number, known));
  return Verdict::applied;
}

Verdict SpeculationLedger::commit(base::TurnId turn, base::Revision revision) noexcept {
  const std::uint64_t word = turn_word(turn);
  Turn known = unpack(word);
  if (word == 0 || revision == 0 || revision > known.given) return Verdict::unknown;
  if (known.committed == revision) {
    ++counters_.duplicates;
    return Verdict::duplicate;
  }
  if (known.committed != 0 || revision <= known.withdrawn || turn_interrupted(turn)) {
    ++counters_.too_late;
    return Verdict::too_late;
  }
  counters_.revisions_withdrawn += known.given - known.withdrawn - 1;
  known.committed = revision;
  set_turn_word(turn, pack(turn.number, known));
  return Verdict::applied;
}

Verdict SpeculationLedger::interrupt(base::TurnId turn) noexcept {
  if (!turn || turn.number >= next_turn_) return Verdict::unknown;
  if (turn_interrupted(turn)) {
    ++counters_.duplicates;
    return Verdict::duplicate;
  }
  interrupted_up_to_.store(turn.number, std::memory_order_release);
  ++counters_.interrupted;
  changed();
  return Verdict::applied;
}

SegmentState SpeculationLedger::state(base::SegmentId segment) const noexcept {
  const std::uint64_t word = segments_[segment.number % kSegments].load(std::memory_order_acquire);
  if (!segment || segment_number(word) != segment.number) return SegmentState::unknown;
  return segment_state(word);
}

SegmentKind SpeculationLedger::kind(base::SegmentId segment) const noexcept {
  const std::uint64_t word = segments_[segment.number % kSegments].load(std::memory_order_acquire);
  return segment && segment_number(word) == segment.number ? segment_kind(word)
                                                           : SegmentKind::onset;
}

FenceDecision SpeculationLedger::fence_turn(base::TurnId turn,
                                            base::Revision revision) const noexcept {
  if (!turn) return FenceDecision::pass;
  if (turn_interrupted(turn)) return FenceDecision::drop;
  const std::uint64_t word = turn_word(turn);
  if (word == 0) return FenceDecision::drop;
  if (revision == 0) return FenceDecision::pass;
  const Turn known = unpack(word);
  if (revision > known.given || revision <= known.withdrawn) return FenceDecision::drop;
  if (known.committed == 0) return FenceDecision::hold;
  return known.committed == revision ? FenceDecision::pass : FenceDecision::drop;
}

FenceDecision SpeculationLedger::fence(const media::Lineage& lineage) const noexcept {
  FenceDecision decision = fence_turn(lineage.turn, lineage.revision);
  if (decision == FenceDecision::drop) return decision;
  for (const base::SegmentId segment : lineage.segments) {
    switch (state(segment)) {
      case SegmentState::confirmed: break;
      case SegmentState::speculative: decision = FenceDecision::hold; break;
      case SegmentState::unknown:
      case SegmentState::cancelled:
      case SegmentState::failed: return FenceDecision::drop;
    }
  }
  return decision;
}

bool SpeculationLedger::live(const media::Lineage& lineage) const noexcept {
  return fence(lineage) != FenceDecision::drop;
}

bool SpeculationLedger::committed(const media::Lineage& lineage) const noexcept {
  return fence(lineage) == FenceDecision::pass;
}

void SpeculationLedger::make_room(media::Lineage& lineage) const noexcept {
  for (std::size_t i = 0; i < lineage.segments.size() && lineage.segments.full();) {
    if (state(lineage.segments[i]) == SegmentState::confirmed)
      lineage.segments.erase(i);
    else
      ++i;
  }
}

base::Revision SpeculationLedger::last_revision(base::TurnId turn) const noexcept {
  return unpack(turn_word(turn)).given;
}

bool SpeculationLedger::turn_committed(base::TurnId turn) const noexcept {
  return unpack(turn_word(turn)).committed != 0;
}

bool SpeculationLedger::turn_interrupted(base::TurnId turn) const noexcept {
  return turn && turn.number <= interrupted_up_to_.load(std::memory_order_acquire);
}

std::uint64_t SpeculationLedger::turn_word(base::TurnId turn) const noexcept {
  const std::uint64_t word = turns_[turn.number % kTurns].load(std::memory_order_acquire);
  return turn && static_cast<std::uint32_t>(word >> 32) == turn.number ? word : 0;
}

void SpeculationLedger::set_turn_word(base::TurnId turn, std::uint64_t word) noexcept {
  turns_[turn.number % kTurns].store(word, std::memory_order_release);
  changed();
}

void SpeculationLedger::changed() noexcept {
  version_.store(version_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

}  // namespace millrace::policy
