#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#include "millrace/base/annotations.hpp"

namespace millrace::rt {

/// Bounded queue from any number of threads to one. When it is full the newest item is refused and
/// stays with the caller; nothing waits. Items of one producer keep their order.
///   units    capacity and size are in items; the capacity is rounded up to a power of two, at
///   least
///            2
///   threads  any thread calls try_push(), one consumer thread try_pop(); size() any
///   errors   none: false means full (push) or nothing ready (pop)
///   source   D. Vyukov, "Bounded MPMC queue" (1024cores.net), with a single consumer
/// A producer stopped between taking its slot and filling it hides the items behind it until it
/// goes on: the consumer sees "nothing ready", never a wrong item.
template <class T>
class MpscRing {
  static_assert(std::is_nothrow_move_assignable_v<T> && std::is_default_constructible_v<T>,
                "items are moved through preallocated slots and must not throw on the way");

 public:
  explicit MpscRing(std::size_t capacity);

  /// False when full: `item` is untouched then.
  [[nodiscard]] bool try_push(T&& item) noexcept MR_NONBLOCKING;
  /// False when nothing is ready: `item` is untouched then.
  [[nodiscard]] bool try_pop(T& item) noexcept MR_NONBLOCKING;

  /// Items inside or about to be, at some moment during the call.
  [[nodiscard]] std::size_t size() const noexcept MR_NONBLOCKING {
    const std::size_t head = head_.load(std::memory_order_acquire);
    const std::size_t used = tail_.load(std::memory_order_acquire) - head;
    return std::min(used, capacity());
  }
  [[nodiscard]] std::size_t capacity() const noexcept { return mask_ + 1; }

 private:
  static constexpr std::size_t kLine = 64;

  struct Slot {
    /// Whose turn the slot is: n means free for push n, n + 1 means filled by push n. Written
    /// (release) by whoever finished with the slot, read (acquire) by the next one.
    std::atomic<std::size_t> turn{0};
    T item{};
  };

  const std::size_t mask_;
  const std::unique_ptr<Slot[]> slots_;

  /// Next push number. Producers claim it by compare-and-swap (relaxed: the slot's turn publishes).
  alignas(kLine) std::atomic<std::size_t> tail_{0};
  /// Next pop number. Written by the consumer, read by size().
  alignas(kLine) std::atomic<std::size_t> head_{0};
};

// ------------------------------------------------------------------------------------------------

template <class T>
MpscRing<T>::MpscRing(std::size_t capacity)
    : mask_(std::bit_ceil(std::max<std::size_t>(capacity, 2)) - 1),
      slots_(std::make_unique<Slot[]>(mask_ + 1)) {
  for (std::size_t i = 0; i <= mask_; ++i) slots_[i].turn.store(i, std::memory_order_relaxed);
}

template <class T>
bool MpscRing<T>::try_push(T&& item) noexcept MR_NONBLOCKING {
  std::size_t tail = tail_.load(std::memory_order_relaxed);
  for (;;) {
    Slot& slot = slots_[tail & mask_];
    const auto ahead =
        static_cast<std::ptrdiff_t>(slot.turn.load(std::memory_order_acquire) - tail);
    if (ahead < 0) return false;  // still holds the item pushed one lap ago
    if (ahead > 0) {              // another producer took this number
      tail = tail_.load(std::memory_order_relaxed);
      continue;
    }
    if (!tail_.compare_exchange_weak(tail, tail + 1, std::memory_order_relaxed)) continue;
    slot.item = std::move(item);
    slot.turn.store(tail + 1, std::memory_order_release);
    return true;
  }
}

template <class T>
bool MpscRing<T>::try_pop(T& item) noexcept MR_NONBLOCKING {
  const std::size_t head = head_.load(std::memory_order_relaxed);
  Slot& slot = slots_[head & mask_];
  if (slot.turn.load(std::memory_order_acquire) != head + 1) return false;
  item = std::move(slot.item);
  slot.turn.store(head + mask_ + 1, std::memory_order_release);
  head_.store(head + 1, std::memory_order_release);
  return true;
}

}  // namespace millrace::rt
