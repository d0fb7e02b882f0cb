#include "millrace/rt/stop_token.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "millrace/rt/guard.hpp"
#include "millrace/rt/thread.hpp"

namespace millrace::rt {
namespace {

TEST(StopToken, NeverStopsWithoutASource) {
  const StopToken token;

  EXPECT_FALSE(token.stop_possible());
  EXPECT_FALSE(token.stop_requested());
}

TEST(StopToken, SeesTheRequestInEveryCopy) {
  StopSource source;
  const StopToken first = source.token();
  const StopToken second = first;
  EXPECT_TRUE(second.stop_possible());
  EXPECT_FALSE(second.stop_requested());

  source.request_stop();
  source.request_stop();

  EXPECT_TRUE(first.stop_requested());
  EXPECT_TRUE(second.stop_requested());
  EXPECT_TRUE(source.stop_requested());
}

TEST(StopSource, IsFitForTheNextWorkAfterReset) {
  StopSource source;
  source.request_stop();

  source.reset();

  EXPECT_FALSE(source.token().stop_requested());
}

TEST(StopSource, EndsALoopOnAnotherThreadAndShowsWhatWasWrittenBefore) {
  StopSource source;
  int written = 0;
  int seen = 0;
  auto worker = Thread::start("worker", [&seen, &written, token = source.token()] {
    while (!token.stop_requested()) std::this_thread::yield();
    seen = written;
  });
  ASSERT_TRUE(worker.has_value());

  written = 42;
  source.request_stop();
  worker->join();

  EXPECT_EQ(seen, 42);
}

TEST(StopSource, NeitherAllocatesNorLocks) {
  EXPECT_EQ(breaches_in([] {
              StopSource source;
              const StopToken token = source.token();
              source.request_stop();
              static_cast<void>(token.stop_requested());
            }),
            0u);
}

}  // namespace
}  // namespace millrace::rt
