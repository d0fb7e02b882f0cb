#pragma once

#include <ctime>
#include <thread>

#include "millrace/base/time.hpp"
#include "millrace/rt/platform/process.hpp"

#if defined(__linux__)
#include <pthread.h>
#endif

namespace millrace::rt {

/// Tells the CPU time of another thread of this process.
///   threads  any; one system call a reading
class ThreadClock {
 public:
  /// Of a thread that has started and was not joined or detached yet.
  explicit ThreadClock(std::thread::native_handle_type thread) noexcept {
#if defined(__linux__)
    known_ = pthread_getcpuclockid(thread, &id_) == 0;
#else
    static_cast<void>(thread);
#endif
  }
  /// 0 where the system does not say, and once the thread is gone.
  [[nodiscard]] base::Duration used() const noexcept {
    return known_ ? platform::read_clock(id_) : base::Duration{0};
  }

 private:
  clockid_t id_{};
  bool known_ = false;
};

}  // namespace millrace::rt
