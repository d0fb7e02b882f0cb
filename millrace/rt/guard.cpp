#include "millrace/rt/guard.hpp"

#include <atomic>

namespace millrace::rt {
namespace {

/// Process-wide because allocation is: written by any thread (relaxed), read by tests and the bench
/// after the work they ask about.
struct Counts {
  std::atomic<std::uint64_t> all_allocations{0};
  std::atomic<std::uint64_t> rt_allocations{0};
  std::atomic<std::uint64_t> rt_locks{0};
  std::atomic<std::uint64_t> exempt_allocations{0};
  std::atomic<std::uint64_t> exempt_locks{0};
  /// Written once, before main(), by the interposer.
  std::atomic<bool> allocations_watched{false};
  std::atomic<bool> locks_watched{false};
};
constinit Counts counts;

struct Depth {
  int scopes = 0;
  int exemptions = 0;
};
constinit thread_local Depth depth;

void bump(std::atomic<std::uint64_t>& counter) noexcept {
  counter.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

RtScope::RtScope() noexcept {
  ++depth.scopes;
}
RtScope::~RtScope() {
  --depth.scopes;
}

RtExempt::RtExempt() noexcept {
  ++depth.exemptions;
}
RtExempt::~RtExempt() {
  --depth.exemptions;
}

bool in_rt_scope() noexcept {
  return depth.scopes > 0;
}

std::uint64_t rt_allocations() noexcept {
  return counts.rt_allocations.load(std::memory_order_relaxed);
}
std::uint64_t rt_locks() noexcept {
  return counts.rt_locks.load(std::memory_order_relaxed);
}
std::uint64_t exempt_allocations() noexcept {
  return counts.exempt_allocations.load(std::memory_order_relaxed);
}
std::uint64_t exempt_locks() noexcept {
  return counts.exempt_locks.load(std::memory_order_relaxed);
}
std::uint64_t all_allocations() noexcept {
  return counts.all_allocations.load(std::memory_order_relaxed);
}

bool allocations_watched() noexcept {
  return counts.allocations_watched.load(std::memory_order_relaxed);
}
bool locks_watched() noexcept {
  return counts.locks_watched.load(std::memory_order_relaxed);
}

void note_allocation() noexcept {
  bump(counts.all_allocations);
  if (depth.scopes == 0) return;
  bump(depth.exemptions > 0 ? counts.exempt_allocations : counts.rt_allocations);
}

void note_lock() noexcept {
  if (depth.scopes == 0) return;
  bump(depth.exemptions > 0 ? counts.exempt_locks : counts.rt_locks);
}

void watch_allocations() noexcept {
  counts.allocations_watched.store(true, std::memory_order_relaxed);
}
void watch_locks() noexcept {
  counts.locks_watched.store(true, std::memory_order_relaxed);
}

}  // namespace millrace::rt
