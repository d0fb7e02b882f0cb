#pragma once

#include <cstddef>

#include "millrace/base/ids.hpp"
#include "millrace/base/inline_vector.hpp"

namespace millrace::media {

/// What a packet hangs on: a bounded set of segments, and a guess about a turn. A packet is live
/// only while all of them are; the speculation ledger of the session answers that.
///   revision 0   nothing that was guessed about the turn went into the packet
struct Lineage {
  static constexpr std::size_t kMaxSegments = 8;

  base::InlineVector<base::SegmentId, kMaxSegments> segments;  ///< ascending, without repeats
  base::TurnId turn;
  base::Revision revision = 0;

  /// Adds one segment. False when the set is full and the segment is not in it.
  bool add(base::SegmentId segment) noexcept;
  /// Joins what `other` hangs on: the union of the segments, and the later (turn, revision).
  /// False when a segment found no room; nothing is forgotten silently: the caller must first let
  /// the ledger take out what is confirmed, or refuse the merge.
  bool merge(const Lineage& other) noexcept;
  [[nodiscard]] bool hangs_on(base::SegmentId segment) const noexcept;
  [[nodiscard]] bool empty() const noexcept { return segments.empty() && !turn; }

  friend bool operator==(const Lineage&, const Lineage&) noexcept = default;
};

}  // namespace millrace::media
