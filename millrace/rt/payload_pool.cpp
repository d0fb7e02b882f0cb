#include "millrace/rt/payload_pool.hpp"

#include <cstring>
#include <new>
#include <string>

#include "millrace/base/check.hpp"
#include "millrace/rt/mutex.hpp"

namespace millrace::rt {
namespace detail {

inline constexpr std::uint32_t kNoBlock = 0xFFFF'FFFF;
inline constexpr std::uint32_t kSlabBits = 8;
inline constexpr std::uint32_t kSlabs = (1U << kSlabBits) - 1;  ///< keeps kNoBlock out of reach
inline constexpr std::uint32_t kOffsetBits = 32 - kSlabBits;
inline constexpr std::size_t kSlabBlocks = std::size_t{1} << kOffsetBits;

/// What stands before a block's bytes: one cache line, so that the bytes are aligned as promised.
struct alignas(kPayloadAlignment) PayloadBlock {
  /// Handles alive. Written by any holder; the last release (acq_rel) sees every write of the
  /// others.
  std::atomic<std::uint32_t> handles{1};
  /// Next free block of the class. Written by whoever pushes, read by whoever tries to pop; a stale
  /// read is thrown away by the tag of the list's head, so relaxed is enough.
  std::atomic<std::uint32_t> next{kNoBlock};
  PayloadCore* core = nullptr;  ///< null: a block of its own
  std::size_t size_bytes = 0;
  std::size_t capacity_bytes = 0;
  std::uint32_t index = kNoBlock;  ///< where the class finds it; kNoBlock: not of a slab
  std::uint32_t size_class = 0;

  [[nodiscard]] std::byte* bytes() noexcept { return reinterpret_cast<std::byte*>(this + 1); }
};
static_assert(sizeof(PayloadBlock) == kPayloadAlignment);

/// Blocks of one size: slabs that are never moved or freed while the core lives, and a stack of the
/// free ones.
struct PayloadClass {
  /// Tag (upper half, grows with every push and pop) and index of the first free block. Changed by
  /// compare-and-swap from any thread: release on push pairs with acquire on pop. The tag is what
  /// makes a block that went out and came back meanwhile (ABA) fail the swap.
  std::atomic<std::uint64_t> head{kNoBlock};
  /// Start of each slab. Written by reserve() before a push publishes an index into it.
  std::array<std::atomic<std::byte*>, kSlabs> slabs{};
  std::uint32_t slabs_used = 0;  ///< under PayloadCore::growing
};

struct PayloadCore {
  explicit PayloadCore(PayloadGrowth how) : growth(how) {}

  const PayloadGrowth growth;
  /// The pool's own share and one for each block out. The last one to leave (acq_rel) frees all.
  std::atomic<std::uint64_t> shares{1};
  /// Statistics: written by any thread (relaxed), read by stats().
  std::atomic<std::uint64_t> blocks_in_use{0};
  std::atomic<std::uint64_t> misses{0};
  std::atomic<std::uint64_t> singly{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> bytes_reserved{0};
  std::array<PayloadClass, kPayloadClasses.size()> classes;
  Mutex growing;
};

namespace {

constexpr std::align_val_t kAlign{kPayloadAlignment};

std::size_t class_of(std::size_t size_bytes) noexcept {
  std::size_t c = 0;
  while (c < kPayloadClasses.size() && kPayloadClasses[c] < size_bytes) ++c;
  return c;
}

PayloadBlock* block_at(const PayloadClass& of, std::size_t class_bytes,
                       std::uint32_t index) noexcept {
  std::byte* slab = of.slabs[index >> kOffsetBits].load(std::memory_order_relaxed);
  const std::size_t offset = index & (kSlabBlocks - 1);
  return reinterpret_cast<PayloadBlock*>(slab + offset * (sizeof(PayloadBlock) + class_bytes));
}

constexpr std::uint64_t retagged(std::uint64_t head, std::uint32_t index) noexcept {
  return (((head >> 32) + 1) << 32) | index;
}

/// Puts the chain first..last (already linked) in front.
void push_chain(PayloadClass& to, std::uint32_t first, PayloadBlock& last) noexcept {
  std::uint64_t head = to.head.load(std::memory_order_relaxed);
  do {
    last.next.store(static_cast<std::uint32_t>(head), std::memory_order_relaxed);
  } while (!to.head.compare_exchange_weak(head, retagged(head, first), std::memory_order_release,
                                          std::memory_order_relaxed));
}

PayloadBlock* pop(PayloadClass& from, std::size_t class_bytes) noexcept {
  std::uint64_t head = from.head.load(std::memory_order_acquire);
  for (;;) {
    const auto index = static_cast<std::uint32_t>(head);
    if (index == kNoBlock) return nullptr;
    PayloadBlock* block = block_at(from, class_bytes, index);
    const std::uint32_t next = block->next.load(std::memory_order_relaxed);
    if (from.head.compare_exchange_weak(head, retagged(head, next), std::memory_order_acquire))
      return block;
  }
}

PayloadBlock* heap_block(std::size_t capacity_bytes) noexcept {
  void* memory = ::operator new(sizeof(PayloadBlock) + capacity_bytes, kAlign, std::nothrow);
  if (memory == nullptr) return nullptr;
  auto* block = new (memory) PayloadBlock;
  block->capacity_bytes = capacity_bytes;
  return block;
}

void drop_share(PayloadCore* core) noexcept {
  if (core->shares.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  for (PayloadClass& size_class : core->classes)
    for (std::uint32_t s = 0; s < size_class.slabs_used; ++s)
      ::operator delete(size_class.slabs[s].load(std::memory_order_relaxed), kAlign);
  delete core;
}

void give_back(PayloadBlock* block) noexcept {
  PayloadCore* core = block->core;
  if (block->index == kNoBlock) {
    block->~PayloadBlock();
    ::operator delete(block, kAlign);
  } else {
    push_chain(core->classes[block->size_class], block->index, *block);
  }
  if (core == nullptr) return;
  core->blocks_in_use.fetch_sub(1, std::memory_order_relaxed);
  drop_share(core);
}

/// Rounded up so that neighbours never share a cache line, and at least one line.
std::size_t single_capacity(std::size_t size_bytes) noexcept {
  const std::size_t lines = (size_bytes + kPayloadAlignment - 1) / kPayloadAlignment;
  return (lines == 0 ? 1 : lines) * kPayloadAlignment;
}

void fill(Payload& payload, std::span<const std::byte> bytes) noexcept {
  if (payload && !bytes.empty()) std::memcpy(payload.writable().data(), bytes.data(), bytes.size());
}

}  // namespace
}  // namespace detail

// ------------------------------------------------------------------------------------------------

Payload::Payload(const Payload& other) noexcept MR_NONBLOCKING : block_(other.block_) {
  // Relaxed: whoever copies already holds a handle, which keeps the block alive.
  if (block_ != nullptr) block_->handles.fetch_add(1, std::memory_order_relaxed);
}

Payload& Payload::operator=(const Payload& other) noexcept MR_NONBLOCKING {
  Payload copy(other);
  std::swap(block_, copy.block_);
  return *this;
}

Payload& Payload::operator=(Payload&& other) noexcept MR_NONBLOCKING {
  Payload moved(std::move(other));
  std::swap(block_, moved.block_);
  return *this;
}

Payload::~Payload() {
  reset();
}

void Payload::reset() noexcept MR_NONBLOCKING {
  detail::PayloadBlock* block = std::exchange(block_, nullptr);
  if (block == nullptr) return;
  if (block->handles.fetch_sub(1, std::memory_order_acq_rel) == 1) detail::give_back(block);
}

Payload Payload::heap(std::size_t size_bytes) noexcept {
  if (size_bytes > base::limits::kPayloadBytes) return {};
  detail::PayloadBlock* block = detail::heap_block(detail::single_capacity(size_bytes));
  if (block != nullptr) block->size_bytes = size_bytes;
  return Payload(block);
}

Payload Payload::copy_of(std::span<const std::byte> bytes) noexcept {
  Payload payload = heap(bytes.size());
  detail::fill(payload, bytes);
  return payload;
}

bool Payload::unique() const noexcept MR_NONBLOCKING {
  // Acquire: pairs with the release of the handles that have gone, so that their reads are over.
  return block_ != nullptr && block_->handles.load(std::memory_order_acquire) == 1;
}

std::size_t Payload::size_bytes() const noexcept MR_NONBLOCKING {
  return block_ == nullptr ? 0 : block_->size_bytes;
}

std::size_t Payload::capacity_bytes() const noexcept MR_NONBLOCKING {
  return block_ == nullptr ? 0 : block_->capacity_bytes;
}

void Payload::resize(std::size_t size_bytes) noexcept MR_NONBLOCKING {
  MR_CHECK(unique(), "a payload is resized only by its one holder");
  MR_CHECK(size_bytes <= block_->capacity_bytes, "a payload never grows past its block");
  block_->size_bytes = size_bytes;
}

std::span<const std::byte> Payload::bytes() const noexcept MR_NONBLOCKING {
  if (block_ == nullptr) return {};
  return {block_->bytes(), block_->size_bytes};
}

std::span<std::byte> Payload::writable() noexcept MR_NONBLOCKING {
  if (block_ == nullptr) return {};
  MR_CHECK(unique(), "a payload is written only by its one holder");
  return {block_->bytes(), block_->size_bytes};
}

// ------------------------------------------------------------------------------------------------

PayloadPool::PayloadPool(PayloadGrowth growth) : core_(new detail::PayloadCore(growth)) {}

PayloadPool::~PayloadPool() {
  detail::drop_share(core_);
}

base::Result<void> PayloadPool::reserve(std::size_t size_bytes, std::size_t count) {
  using base::Code;
  using base::fail;
  const std::size_t c = detail::class_of(size_bytes);
  if (c == kPayloadClasses.size())
    return fail(Code::bad_argument, "blocks of " + std::to_string(size_bytes) +
                                        " bytes are not kept ready: at most " +
                                        std::to_string(kPayloadClasses.back()) + " expected");
  if (count > detail::kSlabBlocks)
    return fail(Code::bad_argument, std::to_string(count) + " blocks asked for at once: at most " +
                                        std::to_string(detail::kSlabBlocks) + " expected");
  if (count == 0) return {};

  detail::PayloadClass& size_class = core_->classes[c];
  const MutexLock lock(core_->growing);
  if (size_class.slabs_used == detail::kSlabs)
    return fail(Code::overloaded, "the size class has been grown " +
                                      std::to_string(detail::kSlabs) +
                                      " times: reserve more blocks at once");
  const std::size_t stride = sizeof(detail::PayloadBlock) + kPayloadClasses[c];
  auto* slab =
      static_cast<std::byte*>(::operator new(stride * count, detail::kAlign, std::nothrow));
  if (slab == nullptr)
    return fail(Code::overloaded, "no memory for " + std::to_string(stride * count) + " bytes");

  const std::uint32_t first = size_class.slabs_used << detail::kOffsetBits;
  detail::PayloadBlock* last = nullptr;
  for (std::size_t i = 0; i < count; ++i) {
    auto* block = new (slab + i * stride) detail::PayloadBlock;
    block->core = core_;
    block->capacity_bytes = kPayloadClasses[c];
    block->size_class = static_cast<std::uint32_t>(c);
    block->index = first + static_cast<std::uint32_t>(i);
    block->next.store(block->index + 1,
                      std::memory_order_relaxed);  // the last one's is set on push
    last = block;
  }
  size_class.slabs[size_class.slabs_used++].store(slab, std::memory_order_relaxed);
  core_->bytes_reserved.fetch_add(stride * count, std::memory_order_relaxed);
  detail::push_chain(size_class, first, *last);
  return {};
}

Payload PayloadPool::acquire(std::size_t size_bytes) noexcept MR_NONBLOCKING {
  detail::PayloadCore& core = *core_;
  const std::size_t c = detail::class_of(size_bytes);
  const bool classed = c < kPayloadClasses.size();
  detail::PayloadBlock* block =
      classed ? detail::pop(core.classes[c], kPayloadClasses[c]) : nullptr;
  if (block == nullptr && size_bytes <= base::limits::kPayloadBytes &&
      core.growth == PayloadGrowth::heap) {
    block = detail::heap_block(classed ? kPayloadClasses[c] : detail::single_capacity(size_bytes));
    if (block != nullptr)
      (classed ? core.misses : core.singly).fetch_add(1, std::memory_order_relaxed);
  }
  if (block == nullptr) {
    core.refused.fetch_add(1, std::memory_order_relaxed);
    return {};
  }
  block->handles.store(1, std::memory_order_relaxed);
  block->core = core_;
  block->size_bytes = size_bytes;
  core.shares.fetch_add(1, std::memory_order_relaxed);
  core.blocks_in_use.fetch_add(1, std::memory_order_relaxed);
  return Payload(block);
}

Payload PayloadPool::copy_of(std::span<const std::byte> bytes) noexcept MR_NONBLOCKING {
  Payload payload = acquire(bytes.size());
  detail::fill(payload, bytes);
  return payload;
}

PayloadPool::Stats PayloadPool::stats() const noexcept {
  constexpr auto relaxed = std::memory_order_relaxed;
  return {.blocks_in_use = core_->blocks_in_use.load(relaxed),
          .misses = core_->misses.load(relaxed),
          .singly = core_->singly.load(relaxed),
          .refused = core_->refused.load(relaxed),
          .bytes_reserved = core_->bytes_reserved.load(relaxed)};
}

}  // namespace millrace::rt
