#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "millrace/base/drop_reason.hpp"
#include "millrace/engine/join.hpp"
#include "millrace/graph/plan.hpp"
#include "millrace/media/packet.hpp"
#include "millrace/policy/speculation_ledger.hpp"
#include "millrace/rt/payload_pool.hpp"

namespace millrace::engine {

/// Where every packet of an edge went: in == out + held + merged + sum(dropped), at any moment.
struct EdgeCounters {
  std::uint64_t in = 0;
  std::uint64_t out = 0;
  std::uint64_t merged = 0;
  std::array<std::uint64_t, base::kDropReasons> dropped{};
  std::uint32_t depth_max = 0;

  [[nodiscard]] std::uint64_t dropped_in_all() const noexcept {
    std::uint64_t sum = 0;
    for (const std::uint64_t n : dropped) sum += n;
    return sum;
  }
};

/// The bounded queue of one edge of one session. Markers keep their place among the data, are never
/// dropped for data and do not count against the capacity; they have a bound of their own.
///   threads  the shard; nothing is allocated after construction, except to merge
///   (merge_on_overflow) full     as QueueConfig::policy says; a packet that is larger than
///   max_bytes alone is taken
///            into an empty queue
class EdgeQueue {
 public:
  /// `annihilate`: a guess that still waits here and its withdrawal take each other out. Not where
  /// the copies of a marker meet again further on: each has to come over every edge. `joins`: how
  /// merge_on_overflow joins, whatever max_bytes it says; none: it joins nothing, and drops.
  explicit EdgeQueue(const graph::QueueConfig& config, bool annihilate = true,
                     std::optional<JoinRules> joins = JoinRules{});

  /// Takes `packet` in, or counts what became of it or of those it displaced. With policy `block`
  /// the caller asks room() first.
  void push(media::Packet&& packet, rt::PayloadPool& payloads) noexcept;
  /// Counts a packet that was withdrawn before it got in.
  void refuse(base::DropReason reason) noexcept;
  /// The packet that would be taken at `now`: what is too old or withdrawn in front of it is
  /// counted and gone. Null when there is none. Valid until the next call.
  [[nodiscard]] media::Packet* head(base::Instant now,
                                    const policy::SpeculationLedger& ledger) noexcept;
  /// Takes the head out; head() gave it.
  media::Packet pop() noexcept;
  /// The head left this queue for `reason` instead of being worked on.
  void drop_head(base::DropReason reason) noexcept;
  /// Takes out everything that is withdrawn, telling `dropped` of each.
  template <class Dropped>
  void withdraw(const policy::SpeculationLedger& ledger, Dropped&& dropped) noexcept;
  /// The session closes: everything left is counted as closed.
  void close() noexcept;

  /// Data packets that can come in without displacing any.
  [[nodiscard]] std::uint32_t room() const noexcept;
  /// Markers that can come in before their own bound.
  [[nodiscard]] std::uint32_t marker_room() const noexcept {
    const std::uint32_t markers = count_ - data_;
    return config_.markers > markers ? config_.markers - markers : 0;
  }
  [[nodiscard]] std::uint32_t size() const noexcept { return data_; }
  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] const graph::QueueConfig& config() const noexcept { return config_; }
  [[nodiscard]] const EdgeCounters& counters() const noexcept { return counters_; }
  /// in - out - held - merged - dropped: 0, always (invariant I5).
  [[nodiscard]] std::int64_t residual() const noexcept;

 private:
  [[nodiscard]] media::Packet& at(std::uint32_t i) noexcept {
    return ring_[(first_ + i) & (static_cast<std::uint32_t>(ring_.size()) - 1)];
  }
  void take_out(std::uint32_t i) noexcept;
  void drop_oldest_data(base::DropReason reason) noexcept;
  [[nodiscard]] bool annihilates(const media::Packet& resumed) noexcept;
  [[nodiscard]] bool mergeable(const media::Packet& packet) noexcept;
  bool merge(const media::Packet& packet, rt::PayloadPool& payloads) noexcept;
  [[nodiscard]] policy::QueueLoad load() noexcept;
  void append(media::Packet&& packet) noexcept;

  graph::QueueConfig config_;
  bool annihilate_;
  std::optional<JoinRules> joins_;
  std::vector<media::Packet> ring_;
  std::uint32_t first_ = 0;
  std::uint32_t count_ = 0;  ///< data and markers
  std::uint32_t data_ = 0;
  std::uint64_t bytes_ = 0;
  bool lost_ = false;  ///< the next data packet follows a loss: mark it
  EdgeCounters counters_;
};

// ------------------------------------------------------------------------------------------------

template <class Dropped>
void EdgeQueue::withdraw(const policy::SpeculationLedger& ledger, Dropped&& dropped) noexcept {
  std::uint32_t kept = 0;
  for (std::uint32_t i = 0; i < count_; ++i) {
    media::Packet& packet = at(i);
    if (packet.is_marker() || ledger.live(packet.lineage)) {
      if (kept != i) at(kept) = std::move(packet);
      ++kept;
      continue;
    }
    dropped(packet);
    bytes_ -= packet.payload.size_bytes();
    --data_;
    ++counters_.dropped[static_cast<std::size_t>(base::DropReason::cancelled)];
    packet = media::Packet{};
  }
  count_ = kept;
}

}  // namespace millrace::engine
