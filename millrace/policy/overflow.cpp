#include "millrace/policy/overflow.hpp"

namespace millrace::policy {

std::string_view name(OverflowPolicy policy) noexcept {
  switch (policy) {
    case OverflowPolicy::drop_oldest: return "drop_oldest";
    case OverflowPolicy::drop_newest: return "drop_newest";
    case OverflowPolicy::block: return "block";
    case OverflowPolicy::merge_on_overflow: return "merge_on_overflow";
    case OverflowPolicy::latest_only: return "latest_only";
  }
  return "drop_oldest";
}

bool head_expired(const QueueBounds& bounds, const QueueLoad& load) noexcept {
  return bounds.max_age && load.packets > 0 && load.head_age > *bounds.max_age;
}

QueueDecision decide_arrival(const QueueBounds& bounds, const QueueLoad& load,
                             const Arrival& arrival) noexcept {
  if (arrival.marker)
    return {.action = load.markers < bounds.markers ? QueueAction::accept : QueueAction::block};
  if (head_expired(bounds, load))
    return {.action = QueueAction::expire_head, .count = 1, .reason = base::DropReason::max_age};
  if (bounds.policy == OverflowPolicy::latest_only) {
    if (load.packets == 0) return {};
    return {.action = QueueAction::keep_latest, .count = load.packets};
  }
  const bool crowded = load.packets >= bounds.capacity;
  const bool heavy = load.packets > 0 && load.bytes + arrival.bytes > bounds.max_bytes;
  if (!crowded && !heavy) return {};
  switch (bounds.policy) {
    case OverflowPolicy::drop_newest: return {.action = QueueAction::drop_newest, .count = 1};
    case OverflowPolicy::block: return {.action = QueueAction::block};
    case OverflowPolicy::merge_on_overflow:
      // Merging makes room for a packet, not for bytes.
      if (arrival.mergeable && !heavy) return {.action = QueueAction::merge};
      break;
    case OverflowPolicy::drop_oldest:
    case OverflowPolicy::latest_only: break;
  }
  if (load.packets == 0) return {.action = QueueAction::drop_newest, .count = 1};
  const std::uint32_t over = crowded ? load.packets + 1 - bounds.capacity : 1;
  return {.action = QueueAction::drop_oldest, .count = over < load.packets ? over : load.packets};
}

}  // namespace millrace::policy
