#include "millrace/engine/wake_bell.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace millrace::engine {
namespace {

TEST(WakeBell, GathersReasonsUntilTheyAreTaken) {
  WakeBell bell;
  bell.wake(Wake::data);
  bell.wake(Wake::control);
  bell.wake(Wake::data);

  EXPECT_TRUE(has(bell.reasons(), Wake::data));
  EXPECT_TRUE(has(bell.reasons(), Wake::control));
  EXPECT_FALSE(has(bell.reasons(), Wake::command));
}

TEST(WakeBell, TakesOnlyWhatWasAskedFor) {
  WakeBell bell;
  bell.wake(Wake::data);
  bell.wake(Wake::control);

  const std::uint32_t taken = bell.take(static_cast<std::uint32_t>(Wake::control));

  EXPECT_TRUE(has(taken, Wake::control));
  EXPECT_FALSE(has(taken, Wake::data));
  EXPECT_TRUE(has(bell.reasons(), Wake::data));
  EXPECT_FALSE(has(bell.reasons(), Wake::control));
  EXPECT_EQ(bell.take(static_cast<std::uint32_t>(Wake::control)), 0U);
}

TEST(WakeBell, WakesWhoeverWaits) {
  WakeBell bell;
  std::thread waker([&] { bell.wake(Wake::result); });

  while (!has(bell.reasons(), Wake::result)) bell.bell().wait_for(std::chrono::milliseconds(100));

  waker.join();
  EXPECT_TRUE(has(bell.take(~std::uint32_t{0}), Wake::result));
}

}  // namespace
}  // namespace millrace::engine
