#include "millrace/media/lineage.hpp"

#include <utility>

namespace millrace::media {

bool Lineage::add(base::SegmentId segment) noexcept {
  if (!segment || hangs_on(segment)) return true;
  if (!segments.push_back(segment)) return false;
  for (std::size_t i = segments.size() - 1; i > 0 && segments[i] < segments[i - 1]; --i)
    std::swap(segments[i], segments[i - 1]);
  return true;
}

bool Lineage::merge(const Lineage& other) noexcept {
  bool all = true;
  for (const base::SegmentId segment : other.segments) all = add(segment) && all;
  if (other.turn > turn) {
    turn = other.turn;
    revision = other.revision;
  } else if (other.turn == turn && other.revision > revision) {
    revision = other.revision;
  }
  return all;
}

bool Lineage::hangs_on(base::SegmentId segment) const noexcept {
  for (const base::SegmentId have : segments)
    if (have == segment) return true;
  return false;
}

}  // namespace millrace::media
