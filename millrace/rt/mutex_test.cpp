#include "millrace/rt/mutex.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "millrace/rt/thread.hpp"

namespace millrace::rt {
namespace {

using Clock = std::chrono::steady_clock;

TEST(Mutex, KeepsThreadsApart) {
  constexpr int kThreads = 3;
  constexpr int kEach = 10'000;
  Mutex mutex;
  int count = 0;
  std::vector<Thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    auto thread = Thread::start("adder", [&] {
      for (int i = 0; i < kEach; ++i) {
        const MutexLock lock(mutex);
        ++count;
      }
    });
    ASSERT_TRUE(thread.has_value());
    threads.push_back(std::move(*thread));
  }

  threads.clear();

  EXPECT_EQ(count, kThreads * kEach);
}

TEST(CondVar, WakesAWaiterWhoseConditionCameTrue) {
  Mutex mutex;
  CondVar changed;
  bool ready = false;
  bool answered = false;
  auto other = Thread::start("other", [&] {
    MutexLock lock(mutex);
    changed.wait(lock, [&] { return ready; });
    answered = true;
    changed.notify_one();
  });
  ASSERT_TRUE(other.has_value());

  MutexLock lock(mutex);
  ready = true;
  changed.notify_all();
  changed.wait(lock, [&] { return answered; });

  EXPECT_TRUE(answered);
}

TEST(CondVar, SaysWhenTheDeadlinePassedAndHoldsTheLockAgain) {
  Mutex mutex;
  CondVar changed;
  {
    MutexLock lock(mutex);
    EXPECT_FALSE(
        changed.wait_until(lock, Clock::now() - std::chrono::seconds{1}, [] { return false; }));
    EXPECT_FALSE(changed.wait_until(lock, Clock::now() + std::chrono::milliseconds{1},
                                    [] { return false; }));
  }

  const MutexLock again(mutex);
}

TEST(CondVar, DoesNotWaitForWhatIsTrueAlready) {
  Mutex mutex;
  CondVar changed;
  MutexLock lock(mutex);

  EXPECT_TRUE(changed.wait_until(lock, Clock::time_point::min(), [] { return true; }));
  changed.wait(lock, [] { return true; });
}

}  // namespace
}  // namespace millrace::rt
