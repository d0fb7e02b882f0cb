#include "millrace/engine/edge_queue.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "millrace/base/check.hpp"
#include "millrace/policy/overflow.hpp"

namespace millrace::engine {

using base::DropReason;
using media::Packet;

EdgeQueue::EdgeQueue(const graph::QueueConfig& config, bool annihilate,
                     std::optional<JoinRules> joins)
    : config_(config),
      annihilate_(annihilate),
      joins_(joins),
      ring_(std::bit_ceil(std::size_t{config.capacity} + config.markers + 1)) {}

std::uint32_t EdgeQueue::room() const noexcept {
  if (bytes_ >= config_.max_bytes) return 0;
  return config_.capacity > data_ ? config_.capacity - data_ : 0;
}

std::int64_t EdgeQueue::residual() const noexcept {
  return static_cast<std::int64_t>(counters_.in) - static_cast<std::int64_t>(counters_.out) -
         static_cast<std::int64_t>(count_) - static_cast<std::int64_t>(counters_.merged) -
         static_cast<std::int64_t>(counters_.dropped_in_all());
}

void EdgeQueue::refuse(DropReason reason) noexcept {
  ++counters_.in;
  ++counters_.dropped[static_cast<std::size_t>(reason)];
}

void EdgeQueue::append(Packet&& packet) noexcept {
  if (!packet.is_marker()) {
    ++data_;
    bytes_ += packet.payload.size_bytes();
    packet.discontinuity = packet.discontinuity || lost_;
    lost_ = false;
    counters_.depth_max = std::max(counters_.depth_max, data_);
  }
  at(count_) = std::move(packet);
  ++count_;
}

policy::QueueLoad EdgeQueue::load() noexcept {
  return {.packets = data_, .bytes = bytes_, .markers = count_ - data_};
}

void EdgeQueue::push(Packet&& packet, rt::PayloadPool& payloads) noexcept {
  ++counters_.in;
  if (packet.is_marker() && annihilates(packet)) return;
  bool tried_merge = false;
  for (;;) {
    const policy::Arrival arrival{.bytes = packet.payload.size_bytes(),
                                  .marker = packet.is_marker(),
                                  .mergeable = !tried_merge && mergeable(packet)};
    const policy::QueueDecision decision = policy::decide_arrival(config_, load(), arrival);
    switch (decision.action) {
      case policy::QueueAction::accept: append(std::move(packet)); return;
      case policy::QueueAction::keep_latest:
        while (data_ > 0) drop_oldest_data(decision.reason);
        append(std::move(packet));
        return;
      case policy::QueueAction::merge:
        if (merge(packet, payloads)) return;
        tried_merge = true;
        break;
      case policy::QueueAction::drop_oldest:
      case policy::QueueAction::expire_head:
        for (std::uint32_t i = 0; i < std::max(decision.count, 1U) && data_ > 0; ++i)
          drop_oldest_data(decision.reason);
        break;
      case policy::QueueAction::block:  // the sender looked for room first; if not, it is lost here
      case policy::QueueAction::drop_newest:
        ++counters_.dropped[static_cast<std::size_t>(decision.reason)];
        lost_ = lost_ || !packet.is_marker();
        return;
    }
  }
}

bool EdgeQueue::annihilates(const Packet& resumed) noexcept {
  // A guess that is withdrawn before anyone saw it, and its withdrawal, cancel each other out.
  if (!annihilate_ || resumed.control_type != media::ControlType::turn_resumed) return false;
  for (std::uint32_t i = 0; i < count_; ++i) {
    const Packet& queued = at(i);
    if (queued.is_marker() && queued.control_type == media::ControlType::eager_end_of_turn &&
        queued.lineage.turn == resumed.lineage.turn &&
        queued.lineage.revision == resumed.lineage.revision) {
      take_out(i);
      counters_.dropped[static_cast<std::size_t>(DropReason::cancelled)] += 2;
      return true;
    }
  }
  return false;
}

bool EdgeQueue::mergeable(const Packet& packet) noexcept {
  return joins_ && count_ > 0 && joinable(at(count_ - 1), packet, *joins_);
}

bool EdgeQueue::merge(const Packet& packet, rt::PayloadPool& payloads) noexcept {
  Packet& newest = at(count_ - 1);
  const std::uint64_t before = newest.payload.size_bytes();
  const std::uint64_t others = bytes_ - before;
  JoinRules rules = *joins_;
  rules.max_bytes = config_.max_bytes - std::min(others, config_.max_bytes);
  if (!join(newest, packet, rules, payloads)) return false;
  bytes_ += newest.payload.size_bytes() - before;
  ++counters_.merged;
  return true;
}

void EdgeQueue::take_out(std::uint32_t i) noexcept {
  if (!at(i).is_marker()) {
    --data_;
    bytes_ -= at(i).payload.size_bytes();
  }
  for (std::uint32_t k = i; k + 1 < count_; ++k) at(k) = std::move(at(k + 1));
  at(count_ - 1) = Packet{};
  --count_;
}

void EdgeQueue::drop_oldest_data(DropReason reason) noexcept {
  std::uint32_t i = 0;
  while (at(i).is_marker()) ++i;
  take_out(i);
  ++counters_.dropped[static_cast<std::size_t>(reason)];
  // What now comes first is no longer what followed the last packet that was taken.
  if (i < count_ && !at(i).is_marker()) {
    at(i).discontinuity = true;
  } else {
    lost_ = true;
  }
}

Packet* EdgeQueue::head(base::Instant now, const policy::SpeculationLedger& ledger) noexcept {
  while (count_ > 0) {
    Packet& packet = at(0);
    if (packet.is_marker()) return &packet;
    if (!ledger.live(packet.lineage)) {
      drop_head(DropReason::cancelled);
    } else if (config_.max_age && now - packet.enqueued > *config_.max_age) {
      drop_head(DropReason::max_age);
    } else {
      return &packet;
    }
  }
  return nullptr;
}

void EdgeQueue::drop_head(DropReason reason) noexcept {
  MR_CHECK(count_ > 0, "only a packet that is there is dropped");
  if (!at(0).is_marker()) {
    --data_;
    bytes_ -= at(0).payload.size_bytes();
    lost_ = lost_ || reason != DropReason::cancelled;
  }
  at(0) = Packet{};
  first_ = (first_ + 1) & (static_cast<std::uint32_t>(ring_.size()) - 1);
  --count_;
  ++counters_.dropped[static_cast<std::size_t>(reason)];
  if (lost_ && count_ > 0 && !at(0).is_marker()) {
    at(0).discontinuity = true;
    lost_ = false;
  }
}

Packet EdgeQueue::pop() noexcept {
  MR_CHECK(count_ > 0, "only a packet that is there is taken");
  Packet packet = std::move(at(0));
  at(0) = Packet{};
  if (!packet.is_marker()) {
    --data_;
    bytes_ -= packet.payload.size_bytes();
  }
  first_ = (first_ + 1) & (static_cast<std::uint32_t>(ring_.size()) - 1);
  --count_;
  ++counters_.out;
  return packet;
}

void EdgeQueue::close() noexcept {
  while (count_ > 0) drop_head(DropReason::closed);
}

}  // namespace millrace::engine
