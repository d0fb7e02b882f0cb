#include "millrace/rt/doorbell.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "millrace/rt/guard.hpp"
#include "millrace/rt/thread.hpp"

namespace millrace::rt {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
constexpr auto kForever = steady_clock::time_point::max();

/// Every promise holds for each way of sleeping.
template <class SleeperT>
class DoorbellTest : public testing::Test {
 protected:
  BasicDoorbell<SleeperT> bell;
  steady_clock::time_point past = steady_clock::now() - milliseconds{1};
};
#if defined(__linux__)
using Sleepers = testing::Types<FutexSleeper, PortableSleeper>;
#else
using Sleepers = testing::Types<PortableSleeper>;
#endif
TYPED_TEST_SUITE(DoorbellTest, Sleepers);

TYPED_TEST(DoorbellTest, IsSilentAtFirst) {
  EXPECT_FALSE(this->bell.wait_until(this->past));
  EXPECT_FALSE(this->bell.try_take());
  EXPECT_EQ(this->bell.rings(), 0u);
  EXPECT_EQ(this->bell.wake_ups(), 0u);
}

TYPED_TEST(DoorbellTest, RemembersRingsAsOne) {
  this->bell.ring();
  this->bell.ring();

  EXPECT_TRUE(this->bell.wait_until(kForever));
  EXPECT_FALSE(this->bell.wait_until(this->past));
  EXPECT_EQ(this->bell.rings(), 2u);
}

TYPED_TEST(DoorbellTest, MakesNoSystemCallWhileNobodySleeps) {
  for (int i = 0; i < 100; ++i) this->bell.ring();
  EXPECT_TRUE(this->bell.try_take());

  EXPECT_EQ(this->bell.wake_calls(), 0u);
  EXPECT_EQ(this->bell.wake_ups(), 0u);
}

TYPED_TEST(DoorbellTest, IsTakenEvenWhenTheDeadlineHasPassed) {
  this->bell.ring();

  EXPECT_TRUE(this->bell.wait_until(this->past));
}

TYPED_TEST(DoorbellTest, EndsTheWaitAtTheDeadline) {
  EXPECT_FALSE(this->bell.wait_for(milliseconds{1}));
  EXPECT_FALSE(this->bell.wait_for(milliseconds{-1}));
}

TYPED_TEST(DoorbellTest, CanBeRungAgainAfterADeadline) {
  EXPECT_FALSE(this->bell.wait_for(milliseconds{1}));

  this->bell.ring();

  EXPECT_TRUE(this->bell.wait_until(this->past));
}

TYPED_TEST(DoorbellTest, TakesAnEndlessSpan) {
  this->bell.ring();

  EXPECT_TRUE(this->bell.wait_for(base::Duration::max()));
}

// Each side sleeps until the other has rung: one lost ring and the test would never end.
TYPED_TEST(DoorbellTest, LosesNoRingAndShowsWhatWasWrittenBefore) {
  constexpr int kRounds = 5'000;
  BasicDoorbell<TypeParam> answer;
  int ball = 0;
  int wrong = 0;
  auto other = Thread::start("other", [&] {
    for (int i = 0; i < kRounds; ++i) {
      this->bell.wait_until(kForever);
      if (ball != 2 * i + 1) ++wrong;
      ++ball;
      answer.ring();
    }
  });
  ASSERT_TRUE(other.has_value());

  for (int i = 0; i < kRounds; ++i) {
    ++ball;
    this->bell.ring();
    answer.wait_until(kForever);
  }
  other->join();

  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(ball, 2 * kRounds);
  EXPECT_EQ(this->bell.rings(), static_cast<std::uint64_t>(kRounds));
  EXPECT_LE(this->bell.wake_calls(), this->bell.rings());
}

TYPED_TEST(DoorbellTest, WakesItsOwnerForWorkOfManyRingers) {
  constexpr std::uint64_t kRingers = 3;
  constexpr std::uint64_t kEach = 3'000;
  std::atomic<std::uint64_t> posted{0};
  std::vector<Thread> ringers;
  for (std::uint64_t r = 0; r < kRingers; ++r) {
    auto ringer = Thread::start("ringer", [&] {
      for (std::uint64_t i = 0; i < kEach; ++i) {
        posted.fetch_add(1, std::memory_order_relaxed);
        this->bell.ring();
      }
    });
    ASSERT_TRUE(ringer.has_value());
    ringers.push_back(std::move(*ringer));
  }

  while (posted.load(std::memory_order_relaxed) < kRingers * kEach) this->bell.wait_until(kForever);
  ringers.clear();

  EXPECT_EQ(this->bell.rings(), kRingers * kEach);
  EXPECT_LE(this->bell.wake_calls(), this->bell.rings());
}

TEST(Doorbell, RingsWithoutAllocatingOrLocking) {
  Doorbell bell;

  EXPECT_EQ(breaches_in([&] {
              bell.ring();
              static_cast<void>(bell.try_take());
            }),
            0u);
}

}  // namespace
}  // namespace millrace::rt
