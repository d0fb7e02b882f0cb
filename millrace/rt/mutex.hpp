#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "millrace/base/annotations.hpp"
#include "millrace/rt/guard.hpp"

namespace millrace::rt {

/// std::mutex that clang's thread-safety analysis understands and that the guard sees: locking it
/// inside an RtScope is counted as a breach.
///   threads  control, worker, io; never rt
class MR_CAPABILITY("mutex") Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void lock() MR_ACQUIRE() {
    // Where the interposer sees every pthread mutex this one would be counted twice.
    if (!locks_watched()) note_lock();
    mutex_.lock();
  }
  void unlock() MR_RELEASE() { mutex_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

/// Holds `mutex` while it lives.
class MR_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) MR_ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() MR_RELEASE() { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  friend class CondVar;
  Mutex& mutex_;
};

/// Condition variable for Mutex. Waits may end early: ask the condition again in a loop, or pass
/// it.
class CondVar {
 public:
  void notify_one() noexcept { condition_.notify_one(); }
  void notify_all() noexcept { condition_.notify_all(); }

  void wait(MutexLock& lock) {
    Borrowed held(lock.mutex_.mutex_);
    condition_.wait(held.lock);
  }
  template <class Condition>
  void wait(MutexLock& lock, Condition condition) {
    while (!condition()) wait(lock);
  }
  /// False when the deadline passed without a notification.
  bool wait_until(MutexLock& lock, std::chrono::steady_clock::time_point deadline) {
    Borrowed held(lock.mutex_.mutex_);
    return condition_.wait_until(held.lock, deadline) == std::cv_status::no_timeout;
  }
  /// What `condition()` says when the wait ends.
  template <class Condition>
  bool wait_until(MutexLock& lock, std::chrono::steady_clock::time_point deadline,
                  Condition condition) {
    while (!condition())
      if (!wait_until(lock, deadline)) return condition();
    return true;
  }

 private:
  /// Lends a mutex that is already held to the standard wait, and takes it back held.
  struct Borrowed {
    explicit Borrowed(std::mutex& mutex) : lock(mutex, std::adopt_lock) {}
    ~Borrowed() { lock.release(); }
    Borrowed(const Borrowed&) = delete;
    Borrowed& operator=(const Borrowed&) = delete;
    std::unique_lock<std::mutex> lock;
  };
  std::condition_variable condition_;
};

}  // namespace millrace::rt
