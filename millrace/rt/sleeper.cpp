#include "millrace/rt/sleeper.hpp"

#include "millrace/rt/platform/futex.hpp"

namespace millrace::rt {

bool PortableSleeper::sleep_while(std::atomic<std::uint32_t>& word, std::uint32_t value,
                                  std::chrono::steady_clock::time_point deadline) {
  MutexLock lock(mutex_);
  return changed_.wait_until(lock, deadline,
                             [&] { return word.load(std::memory_order_acquire) != value; });
}

void PortableSleeper::wake(std::atomic<std::uint32_t>&) {
  // The lock is what keeps the change from falling between the sleeper's look and its wait.
  {
    const MutexLock lock(mutex_);
  }
  changed_.notify_all();
}

#if defined(__linux__)
bool FutexSleeper::sleep_while(std::atomic<std::uint32_t>& word, std::uint32_t value,
                               std::chrono::steady_clock::time_point deadline) {
  return platform::futex_wait(word, value, deadline);
}

void FutexSleeper::wake(std::atomic<std::uint32_t>& word) {
  platform::futex_wake(word);
}
#endif

}  // namespace millrace::rt
