#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "millrace/base/drop_reason.hpp"
#include "millrace/base/time.hpp"

namespace millrace::policy {

/// What a full queue does; `latest_only` keeps the newest packet alone at any time.
enum class OverflowPolicy : std::uint8_t {
  drop_oldest,
  drop_newest,
  block,
  merge_on_overflow,
  latest_only,
};

[[nodiscard]] std::string_view name(OverflowPolicy policy) noexcept;

struct QueueBounds {
  OverflowPolicy policy = OverflowPolicy::drop_oldest;
  std::uint32_t capacity = 50;  ///< data packets
  std::uint64_t max_bytes = 1 << 20;
  std::uint32_t markers = 32;  ///< control markers, which have a bound of their own
  std::optional<base::Duration> max_age;
};

/// A queue as it is before the packet comes. Markers are in `markers` alone.
struct QueueLoad {
  std::uint32_t packets = 0;
  std::uint64_t bytes = 0;
  std::uint32_t markers = 0;
  base::Duration head_age{0};  ///< of the oldest data packet
};

struct Arrival {
  std::uint64_t bytes = 0;
  bool marker = false;
  bool mergeable = false;  ///< the newest queued packet can take it in
};

enum class QueueAction : std::uint8_t {
  accept,
  drop_newest,  ///< refuse the one that comes
  drop_oldest,  ///< take out `count` of the oldest data packets, then ask again
  block,        ///< it stays with its sender until there is room
  merge,        ///< into the newest queued packet
  keep_latest,  ///< take out all data packets, then accept
  expire_head,  ///< the oldest data packet is too old: take it out, then ask again
};

struct QueueDecision {
  QueueAction action = QueueAction::accept;
  std::uint32_t count = 0;                               ///< packets that leave
  base::DropReason reason = base::DropReason::overflow;  ///< why they do
};

/// What happens to a packet that comes to a bounded queue. Carried out and asked again while the
/// answer is drop_oldest or expire_head; each step takes a packet out, so it ends.
///   markers  never dropped and never in the way of data: accepted until their own bound, then
///   block large    a packet larger than max_bytes alone is taken into an empty queue, so that no
///   policy
///            can wait for ever
///   threads  any; a pure function
[[nodiscard]] QueueDecision decide_arrival(const QueueBounds& bounds, const QueueLoad& load,
                                           const Arrival& arrival) noexcept;

/// Whether the head may still be taken out for work, or has to expire first.
[[nodiscard]] bool head_expired(const QueueBounds& bounds, const QueueLoad& load) noexcept;

}  // namespace millrace::policy
