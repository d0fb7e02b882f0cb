#include "millrace/rt/thread.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "millrace/rt/platform/thread_clock.hpp"

namespace millrace::rt {
namespace {

TEST(Thread, RunsItsBodyAndIsJoinedWhenTheHandleGoes) {
  std::atomic<bool> ran{false};
  {
    auto thread = Thread::start("worker", [&] { ran = true; });
    ASSERT_TRUE(thread.has_value());
    EXPECT_TRUE(thread->joinable());
  }

  EXPECT_TRUE(ran);
}

TEST(Thread, TakesABodyThatOwnsThings) {
  int got = 0;
  auto thread = Thread::start("worker", [&got, owned = std::make_unique<int>(5)] { got = *owned; });
  ASSERT_TRUE(thread.has_value());

  thread->join();
  thread->join();

  EXPECT_EQ(got, 5);
  EXPECT_FALSE(thread->joinable());
}

TEST(Thread, IsCalledByItsNameCutTo15Bytes) {
#if !defined(__linux__)
  GTEST_SKIP() << "names are known on Linux only";
#endif
  std::string shortly;
  std::string cut;
  auto a = Thread::start("shard-0", [&] { shortly = this_thread_name(); });
  auto b = Thread::start("a-name-of-20-letters", [&] { cut = this_thread_name(); });
  ASSERT_TRUE(a.has_value() && b.has_value());

  a->join();
  b->join();

  EXPECT_EQ(shortly, "shard-0");
  EXPECT_EQ(cut, "a-name-of-20-le");
}

TEST(Thread, JoinsTheOldBodyWhenANewOneIsAssigned) {
  std::atomic<int> done{0};
  auto first = Thread::start("first", [&] { ++done; });
  auto second = Thread::start("second", [] {});
  ASSERT_TRUE(first.has_value() && second.has_value());

  *first = std::move(*second);

  EXPECT_EQ(done, 1);
  EXPECT_TRUE(first->joinable());
}

TEST(Thread, StandsForNothingWhenMadeEmpty) {
  Thread nothing;

  EXPECT_FALSE(nothing.joinable());
  nothing.join();
}

TEST(RequestPriority, GrantsNothingAboveWhatWasAsked) {
  std::vector<Priority> granted;
  auto thread = Thread::start("worker", [&] {
    granted.push_back(request_priority(Priority::normal));
    granted.push_back(request_priority(Priority::favoured));
    granted.push_back(request_priority(Priority::realtime));
  });
  ASSERT_TRUE(thread.has_value());
  thread->join();

  ASSERT_EQ(granted.size(), 3u);
  EXPECT_EQ(granted[0], Priority::normal);
  EXPECT_LE(granted[1], Priority::favoured);
  EXPECT_LE(granted[2], Priority::realtime);
}

TEST(Priority, HasANameForEveryValue) {
  EXPECT_EQ(name(Priority::normal), "normal");
  EXPECT_EQ(name(Priority::favoured), "favoured");
  EXPECT_EQ(name(Priority::realtime), "realtime");
}

TEST(CpuTime, GrowsWithWorkAndTheProcessHasAtLeastItsThreads) {
  const auto process_before = process_cpu_time();
  const auto before = thread_cpu_time();
  volatile std::uint64_t sum = 0;
  // Ends as soon as the clock shows the work, however coarse it is.
  while (thread_cpu_time() == before)
    for (int i = 0; i < 10'000; ++i) sum = sum + 1;

  EXPECT_GT(thread_cpu_time(), before);
  EXPECT_GT(process_cpu_time(), process_before);
}

TEST(ThreadClock, TellsTheWorkOfAnotherThread) {
#if !defined(__linux__)
  GTEST_SKIP() << "known on Linux only";
#endif
  std::atomic<bool> work{false};
  std::atomic<bool> stop{false};
  std::thread thread([&] {
    work.wait(false);
    volatile std::uint64_t sum = 0;
    while (!stop.load()) sum = sum + 1;
  });
  const ThreadClock clock(thread.native_handle());
  const auto before = clock.used();

  work.store(true);
  work.notify_one();
  while (clock.used() - before < std::chrono::milliseconds(1)) std::this_thread::yield();

  EXPECT_GT(clock.used(), before);
  stop.store(true);
  thread.join();
}

TEST(ProcessRss, ShowsWhatWasJustWritten) {
#if !defined(__linux__)
  GTEST_SKIP() << "known on Linux only";
#endif
  const std::vector<char> touched(32 << 20, 'x');

  EXPECT_GT(process_rss_bytes(), touched.size() / 8);
}

}  // namespace
}  // namespace millrace::rt
