#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

#include "millrace/base/annotations.hpp"

namespace millrace::rt {

/// Bounded queue from one thread to one other. When it is full the newest item is refused and stays
/// with the caller; nothing waits.
///   units    capacity and size are in items; the capacity is rounded up to a power of two
///   threads  one producer thread calls try_push(), one consumer thread try_pop(); size() any
///   errors   none: false means full (push) or empty (pop)
/// All memory is taken by the constructor. A popped slot holds a moved-from `T` until it is reused.
template <class T>
class SpscRing {
  static_assert(std::is_nothrow_move_assignable_v<T> && std::is_default_constructible_v<T>,
                "items are moved through preallocated slots and must not throw on the way");

 public:
  explicit SpscRing(std::size_t capacity)
      : mask_(std::bit_ceil(capacity) - 1), slots_(std::make_unique<T[]>(mask_ + 1)) {}

  /// False when full: `item` is untouched then.
  [[nodiscard]] bool try_push(T&& item) noexcept MR_NONBLOCKING;
  /// False when empty: `item` is untouched then.
  [[nodiscard]] bool try_pop(T& item) noexcept MR_NONBLOCKING;

  /// Items inside at some moment during the call: exact for whichever end is the caller's own.
  [[nodiscard]] std::size_t size() const noexcept MR_NONBLOCKING {
    // head first: it can only grow towards a tail read later, so the difference is never negative.
    const std::size_t head = head_.load(std::memory_order_acquire);
    const std::size_t used = tail_.load(std::memory_order_acquire) - head;
    return used > capacity() ? capacity() : used;
  }
  [[nodiscard]] std::size_t capacity() const noexcept { return mask_ + 1; }

 private:
  static constexpr std::size_t kLine = 64;

  const std::size_t mask_;
  const std::unique_ptr<T[]> slots_;

  /// Count of items ever pushed. Written by the producer (release, after the slot), read by the
  /// consumer (acquire, before the slot).
  alignas(kLine) std::atomic<std::size_t> tail_{0};
  std::size_t head_seen_ = 0;  ///< producer only: the head it last read

  /// Count of items ever popped. Written by the consumer (release, after it emptied the slot), read
  /// by the producer (acquire, before it reuses the slot).
  alignas(kLine) std::atomic<std::size_t> head_{0};
  std::size_t tail_seen_ = 0;  ///< consumer only: the tail it last read
};

// ------------------------------------------------------------------------------------------------

template <class T>
bool SpscRing<T>::try_push(T&& item) noexcept MR_NONBLOCKING {
  const std::size_t tail = tail_.load(std::memory_order_relaxed);
  if (tail - head_seen_ > mask_) {
    head_seen_ = head_.load(std::memory_order_acquire);
    if (tail - head_seen_ > mask_) return false;
  }
  slots_[tail & mask_] = std::move(item);
  tail_.store(tail + 1, std::memory_order_release);
  return true;
}

template <class T>
bool SpscRing<T>::try_pop(T& item) noexcept MR_NONBLOCKING {
  const std::size_t head = head_.load(std::memory_order_relaxed);
  if (head == tail_seen_) {
    tail_seen_ = tail_.load(std::memory_order_acquire);
    if (head == tail_seen_) return false;
  }
  item = std::move(slots_[head & mask_]);
  head_.store(head + 1, std::memory_order_release);
  return true;
}

}  // namespace millrace::rt
