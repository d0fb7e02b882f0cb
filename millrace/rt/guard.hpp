#pragma once

#include <cstdint>

namespace millrace::rt {

/// Marks the current thread as being on the audio path while it lives: allocations and locks made
/// meanwhile are counted as breaches. Nests.
///   threads  the thread that made it ends it
/// Allocations are seen only in programs that link millrace_rt_interpose (tests and the bench);
/// everywhere else a scope costs two thread-local increments. Locks of rt::Mutex are always seen.
class RtScope {
 public:
  RtScope() noexcept;
  ~RtScope();
  RtScope(const RtScope&) = delete;
  RtScope& operator=(const RtScope&) = delete;
};

/// Marks a call into foreign code (ONNX Runtime) inside an RtScope: what it allocates and locks is
/// counted apart, not as a breach. Nests; without a scope around it, it does nothing.
class RtExempt {
 public:
  RtExempt() noexcept;
  ~RtExempt();
  RtExempt(const RtExempt&) = delete;
  RtExempt& operator=(const RtExempt&) = delete;
};

/// True while the current thread is inside an RtScope (exempt or not).
[[nodiscard]] bool in_rt_scope() noexcept;

/// Breaches of the whole process since it began.
[[nodiscard]] std::uint64_t rt_allocations() noexcept;
[[nodiscard]] std::uint64_t rt_locks() noexcept;
/// What foreign code did inside RtExempt.
[[nodiscard]] std::uint64_t exempt_allocations() noexcept;
[[nodiscard]] std::uint64_t exempt_locks() noexcept;
/// Every allocation of the process, in a scope or not; 0 in programs without the interposer.
[[nodiscard]] std::uint64_t all_allocations() noexcept;

/// True when this program sees every allocation, so that a count of 0 means something.
[[nodiscard]] bool allocations_watched() noexcept;
/// True when this program sees every pthread mutex, not only rt::Mutex.
[[nodiscard]] bool locks_watched() noexcept;

/// Breaches that `body` makes when it runs inside an RtScope: what a test of a hot path expects to
/// be 0. Counts are of the process, so no other thread may be in a scope meanwhile.
template <class Body>
[[nodiscard]] std::uint64_t breaches_in(Body&& body) {
  const std::uint64_t before = rt_allocations() + rt_locks();
  {
    const RtScope scope;
    body();
  }
  return rt_allocations() + rt_locks() - before;
}

/// Called by whoever allocates or locks. Outside scopes note_lock() does nothing.
void note_allocation() noexcept;
void note_lock() noexcept;
/// Called once by the interposer.
void watch_allocations() noexcept;
void watch_locks() noexcept;

}  // namespace millrace::rt
