/// Counts every allocation and pthread lock of the program it is linked into, by standing in front
/// of the C library. Linked only into tests and the bench, never into a product binary.
///   threads  any
/// Plain builds replace malloc and its family, so that libraries (ONNX Runtime) are seen too; the
/// C++ operators call malloc and need no part of their own. Sanitizers own malloc: there the
/// operators alone are replaced, and locks are seen through rt::Mutex only.
#include <cstddef>
#include <cstdlib>
#include <new>

#include "millrace/rt/guard.hpp"

#if !defined(MILLRACE_SANITIZED) && defined(__GLIBC__)

#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>

// glibc's own names for its allocator: unlike dlsym(), which may allocate itself, they can be
// called from the first instruction on.
extern "C" {
void* __libc_malloc(std::size_t size) noexcept;
void* __libc_calloc(std::size_t count, std::size_t size) noexcept;
void* __libc_realloc(void* old, std::size_t size) noexcept;
void* __libc_memalign(std::size_t alignment, std::size_t size) noexcept;
}

namespace {

using millrace::rt::note_allocation;
using LockFunction = int (*)(pthread_mutex_t*);

/// Written by whoever locks first (all would write the same), read by every lock.
constinit std::atomic<LockFunction> next_lock{nullptr};

LockFunction find_next_lock() noexcept {
  LockFunction found = next_lock.load(std::memory_order_acquire);
  if (found == nullptr) {
    found = reinterpret_cast<LockFunction>(dlsym(RTLD_NEXT, "pthread_mutex_lock"));
    next_lock.store(found, std::memory_order_release);
  }
  return found;
}

}  // namespace

extern "C" {

void* malloc(std::size_t size) noexcept {
  note_allocation();
  return __libc_malloc(size);
}

void* calloc(std::size_t count, std::size_t size) noexcept {
  note_allocation();
  return __libc_calloc(count, size);
}

void* realloc(void* old, std::size_t size) noexcept {
  note_allocation();
  return __libc_realloc(old, size);
}

void* memalign(std::size_t alignment, std::size_t size) noexcept {
  note_allocation();
  return __libc_memalign(alignment, size);
}

void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  note_allocation();
  return __libc_memalign(alignment, size);
}

int posix_memalign(void** out, std::size_t alignment, std::size_t size) noexcept {
  if (alignment < sizeof(void*) || (alignment & (alignment - 1)) != 0) return EINVAL;
  note_allocation();
  void* memory = __libc_memalign(alignment, size);
  if (memory == nullptr) return ENOMEM;
  *out = memory;
  return 0;
}

int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  millrace::rt::note_lock();
  return find_next_lock()(mutex);
}

}  // extern "C"

namespace {
struct Watch {
  Watch() noexcept {
    millrace::rt::watch_allocations();
    millrace::rt::watch_locks();
  }
} watch;
}  // namespace

#else

namespace {

void* allocate(std::size_t size, std::size_t alignment) noexcept {
  millrace::rt::note_allocation();
  if (size == 0) size = 1;
  if (alignment <= alignof(std::max_align_t)) return std::malloc(size);
  void* memory = nullptr;
  return posix_memalign(&memory, alignment, size) == 0 ? memory : nullptr;
}

void* allocate_or_throw(std::size_t size, std::size_t alignment) {
  void* memory = allocate(size, alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

struct Watch {
  Watch() noexcept { millrace::rt::watch_allocations(); }
} watch;

}  // namespace

void* operator new(std::size_t n) {
  return allocate_or_throw(n, 0);
}
void* operator new[](std::size_t n) {
  return allocate_or_throw(n, 0);
}
void* operator new(std::size_t n, std::align_val_t a) {
  return allocate_or_throw(n, static_cast<std::size_t>(a));
}
void* operator new[](std::size_t n, std::align_val_t a) {
  return allocate_or_throw(n, static_cast<std::size_t>(a));
}
void* operator new(std::size_t n, const std::nothrow_t&) noexcept {
  return allocate(n, 0);
}
void* operator new[](std::size_t n, const std::nothrow_t&) noexcept {
  return allocate(n, 0);
}
void* operator new(std::size_t n, std::align_val_t a, const std::nothrow_t&) noexcept {
  return allocate(n, static_cast<std::size_t>(a));
}
void* operator new[](std::size_t n, std::align_val_t a, const std::nothrow_t&) noexcept {
  return allocate(n, static_cast<std::size_t>(a));
}
void operator delete(void* p) noexcept {
  std::free(p);
}
void operator delete[](void* p) noexcept {
  std::free(p);
}
void operator delete(void* p, std::size_t) noexcept {
  std::free(p);
}
void operator delete[](void* p, std::size_t) noexcept {
  std::free(p);
}
void operator delete(void* p, std::align_val_t) noexcept {
  std::free(p);
}
void operator delete[](void* p, std::align_val_t) noexcept {
  std::free(p);
}
void operator delete(void* p, std::size_t, std::align_val_t) noexcept {
  std::free(p);
}
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept {
  std::free(p);
}
void operator delete(void* p, const std::nothrow_t&) noexcept {
  std::free(p);
}
void operator delete[](void* p, const std::nothrow_t&) noexcept {
  std::free(p);
}
void operator delete(void* p, std::align_val_t, const std::nothrow_t&) noexcept {
  std::free(p);
}
void operator delete[](void* p, std::align_val_t, const std::nothrow_t&) noexcept {
  std::free(p);
}

#endif
