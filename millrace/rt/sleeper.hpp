#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "millrace/rt/mutex.hpp"

namespace millrace::rt {

/// Lets a thread sleep on a word until somebody changes it and says so. Two ways to do it, one
/// behaviour: sleep_while() returns false when `deadline` passed with the word unchanged; it may
/// return true early.
///   threads  sleep_while(): one thread; wake(): any, after it changed the word
class PortableSleeper {
 public:
  bool sleep_while(std::atomic<std::uint32_t>& word, std::uint32_t value,
                   std::chrono::steady_clock::time_point deadline);
  void wake(std::atomic<std::uint32_t>& word);

 private:
  Mutex mutex_;
  CondVar changed_;
};

#if defined(__linux__)
/// One futex call each, no state, no lock.
class FutexSleeper {
 public:
  bool sleep_while(std::atomic<std::uint32_t>& word, std::uint32_t value,
                   std::chrono::steady_clock::time_point deadline);
  void wake(std::atomic<std::uint32_t>& word);
};
using Sleeper = FutexSleeper;
#else
using Sleeper = PortableSleeper;
#endif

}  // namespace millrace::rt
