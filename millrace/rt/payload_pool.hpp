#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

#include "millrace/base/annotations.hpp"
#include "millrace/base/limits.hpp"
#include "millrace/base/result.hpp"

namespace millrace::rt {

namespace detail {
struct PayloadBlock;
struct PayloadCore;
}  // namespace detail

inline constexpr std::size_t kPayloadAlignment = 64;
/// Block sizes that a pool keeps ready. Anything larger is allocated singly.
inline constexpr std::array<std::size_t, 6> kPayloadClasses{64,      256,      1 << 10,
                                                            4 << 10, 16 << 10, 64 << 10};

/// Share of a block of bytes: one pointer wide. Copies share the block; the last one gives it back
/// to where it came from, on whatever thread that is.
///   threads  distinct handles to one block may live on distinct threads; one handle is one
///   thread's units    bytes; the block starts on a 64-byte boundary
/// Bytes may be written only while the handle is the only one (`unique()`): whoever writes and then
/// shares never writes again. An empty handle (`!payload`) has no block; a block of 0 bytes is not
/// empty in that sense.
class Payload {
 public:
  Payload() = default;
  Payload(const Payload& other) noexcept MR_NONBLOCKING;
  Payload(Payload&& other) noexcept MR_NONBLOCKING : block_(std::exchange(other.block_, nullptr)) {}
  Payload& operator=(const Payload& other) noexcept MR_NONBLOCKING;
  Payload& operator=(Payload&& other) noexcept MR_NONBLOCKING;
  ~Payload();

  /// A block of its own, outside any pool; allocates. Empty above limits::kPayloadBytes.
  [[nodiscard]] static Payload heap(std::size_t size_bytes) noexcept;
  /// heap() filled with `bytes`: for tests and cold paths.
  [[nodiscard]] static Payload copy_of(std::span<const std::byte> bytes) noexcept;

  [[nodiscard]] explicit operator bool() const noexcept { return block_ != nullptr; }
  [[nodiscard]] bool unique() const noexcept MR_NONBLOCKING;
  [[nodiscard]] std::size_t size_bytes() const noexcept MR_NONBLOCKING;
  [[nodiscard]] std::size_t capacity_bytes() const noexcept MR_NONBLOCKING;
  /// Sets the size; needs `unique()` and size <= capacity. New bytes are not cleared.
  void resize(std::size_t size_bytes) noexcept MR_NONBLOCKING;

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept MR_NONBLOCKING;
  /// Needs `unique()` (or an empty handle, which gives an empty span).
  [[nodiscard]] std::span<std::byte> writable() noexcept MR_NONBLOCKING;

  /// The block as whole `T`s; a remainder of the size is left out.
  template <class T>
  [[nodiscard]] std::span<const T> as() const noexcept MR_NONBLOCKING {
    static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= kPayloadAlignment);
    const auto raw = bytes();
    return {reinterpret_cast<const T*>(raw.data()), raw.size() / sizeof(T)};
  }
  template <class T>
  [[nodiscard]] std::span<T> writable_as() noexcept MR_NONBLOCKING {
    static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= kPayloadAlignment);
    const auto raw = writable();
    return {reinterpret_cast<T*>(raw.data()), raw.size() / sizeof(T)};
  }

  void reset() noexcept MR_NONBLOCKING;

 private:
  friend class PayloadPool;
  explicit Payload(detail::PayloadBlock* block) noexcept : block_(block) {}
  detail::PayloadBlock* block_ = nullptr;
};

/// What a pool does when a size class has no block left.
enum class PayloadGrowth : std::uint8_t {
  heap,  ///< takes one from the heap, and counts a miss
  none,  ///< gives an empty handle, and counts a refusal
};

/// Where payload memory comes from: blocks of a few fixed sizes, reserved ahead and passed around
/// without locks.
///   threads  acquire() and the release of any Payload: any thread, rt included; reserve(): control
///   units    bytes
///   errors   acquire(): an empty handle; reserve(): bad_argument, overloaded
/// A request is served from the smallest class it fits. Above the largest class a block is
/// allocated by itself (counted as `singly`); above limits::kPayloadBytes nothing is given.
/// Blocks may outlive the pool: the memory goes when the pool and the last block have gone.
class PayloadPool {
 public:
  struct Stats {
    std::uint64_t blocks_in_use = 0;   ///< blocks out now, from wherever they came
    std::uint64_t misses = 0;          ///< taken from the heap because the class was exhausted
    std::uint64_t singly = 0;          ///< larger than the largest class
    std::uint64_t refused = 0;         ///< over the limit, growth not allowed, or out of memory
    std::uint64_t bytes_reserved = 0;  ///< held ahead by reserve(), headers included
  };

  explicit PayloadPool(PayloadGrowth growth = PayloadGrowth::heap);
  ~PayloadPool();
  PayloadPool(const PayloadPool&) = delete;
  PayloadPool& operator=(const PayloadPool&) = delete;

  /// Adds `count` blocks to the class that `size_bytes` falls in. May be called at any time.
  [[nodiscard]] base::Result<void> reserve(std::size_t size_bytes, std::size_t count);

  /// A block of `size_bytes`, unique, its bytes not cleared. No lock; no allocation while the class
  /// has blocks.
  [[nodiscard]] Payload acquire(std::size_t size_bytes) noexcept MR_NONBLOCKING;
  /// acquire() filled with `bytes`.
  [[nodiscard]] Payload copy_of(std::span<const std::byte> bytes) noexcept MR_NONBLOCKING;

  [[nodiscard]] Stats stats() const noexcept;
  [[nodiscard]] std::uint64_t misses() const noexcept { return stats().misses; }

 private:
  // shared: blocks may outlive the pool; one share is the pool's, one each block's.
  detail::PayloadCore* core_;
};

}  // namespace millrace::rt
