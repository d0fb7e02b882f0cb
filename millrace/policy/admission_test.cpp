#include "millrace/policy/admission.hpp"

#include <gtest/gtest.h>

#include <chrono>

#include "millrace/rt/guard.hpp"

namespace millrace::policy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr AdmissionParams kParams{.cores = 1.0, .bound = 0.8, .margin = 0.1, .late_bound = 0.02};

base::Instant at(std::int64_t s) {
  return {seconds{s}};
}

/// A second in which `sessions` cost 100 ms of CPU each.
void second_with(Admission& admission, int sessions, std::uint64_t late = 0) {
  admission.observe(seconds{1}, milliseconds{100} * sessions, static_cast<std::uint32_t>(sessions),
                    late, 100);
}

Admission with_sessions(int sessions) {
  Admission admission(kParams);
  for (int i = 0; i < sessions; ++i) admission.opened();
  second_with(admission, sessions);
  return admission;
}

TEST(Admission, AdmitsWhileNothingWasMeasured) {
  Admission admission(kParams);
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(admission.judge(at(0)).admit);
    admission.opened();
  }
}

TEST(Admission, LearnsTheCostOfASessionAndRefusesTheOneTooMany) {
  Admission seven = with_sessions(7);
  Admission eight = with_sessions(8);

  EXPECT_NEAR(seven.session_cost(), 0.1, 1e-9);
  EXPECT_TRUE(seven.judge(at(1)).admit);
  EXPECT_FALSE(eight.judge(at(1)).admit);
  EXPECT_EQ(eight.refused(), 1U);
}

TEST(Admission, TheBoundIsMeasuredAndNoConstantNumberOfSessions) {
  Admission admission(kParams);
  for (int i = 0; i < 79; ++i) admission.opened();
  admission.observe(seconds{1}, milliseconds{10} * 79, 79, 0, 0);

  EXPECT_TRUE(admission.judge(at(1)).admit) << "sessions at a tenth of the cost: ten times as many";
}

TEST(Admission, CountsThoseThatCameSinceTheLastLook) {
  Admission admission = with_sessions(5);
  EXPECT_TRUE(admission.judge(at(1)).admit);
  for (int i = 0; i < 3; ++i) admission.opened();

  EXPECT_FALSE(admission.judge(at(1)).admit) << "five in the load, three on their way, one asks";
}

TEST(Admission, OnceItRefusesItWaitsForMoreRoomThanItNeeds) {
  Admission admission = with_sessions(8);
  EXPECT_FALSE(admission.judge(at(1)).admit);
  admission.closed(at(2));
  EXPECT_FALSE(admission.judge(at(2)).admit) << "room for one, but not for the margin";
  admission.closed(at(3));
  EXPECT_TRUE(admission.judge(at(3)).admit);

  EXPECT_FALSE(admission.refusing());
}

TEST(Admission, LateWorkRefusesWhateverTheLoadSays) {
  Admission admission = with_sessions(2);
  for (int i = 0; i < 20; ++i) second_with(admission, 2, 10);
  EXPECT_FALSE(admission.judge(at(30)).admit);
  for (int i = 0; i < 10; ++i) second_with(admission, 2, 0);
  EXPECT_FALSE(admission.judge(at(40)).admit) << "half the bound ends it, not the bound";
  for (int i = 0; i < 20; ++i) second_with(admission, 2, 0);

  EXPECT_TRUE(admission.judge(at(60)).admit);
}

TEST(Admission, SaysToComeBackWhenEnoughUsuallyHaveLeft) {
  Admission admission(kParams);
  for (int i = 0; i < 20; ++i) admission.opened();
  for (std::int64_t s = 0; s <= 60; s += 6) admission.closed(at(s));
  second_with(admission, 9);

  const AdmissionVerdict verdict = admission.judge(at(60));

  EXPECT_FALSE(verdict.admit);
  EXPECT_NEAR(std::chrono::duration<double>(verdict.retry_after).count(), 12.0, 0.1)
      << "two too many, one leaves every six seconds";
}

TEST(Admission, TheTimeToComeBackIsBounded) {
  Admission never = with_sessions(9);
  EXPECT_EQ(never.judge(at(1)).retry_after, seconds{5}) << "nobody was seen leaving";
  Admission slow = with_sessions(12);
  slow.closed(at(0));
  slow.closed(at(3600));
  EXPECT_LE(slow.judge(at(3600)).retry_after, Admission::kLatest);
  EXPECT_GE(slow.judge(at(9999)).retry_after, Admission::kSoonest);
}

TEST(Admission, NeverRefusesTheOnlySession) {
  Admission admission(kParams);
  admission.opened();
  admission.observe(seconds{1}, seconds{1}, 1, 50, 100);  // one session needs more than there is
  EXPECT_FALSE(admission.judge(at(1)).admit);
  admission.closed(at(2));

  EXPECT_TRUE(admission.judge(at(2)).admit);
}

TEST(Admission, AddsUpSpansThatAreTooShortToTell) {
  Admission admission(kParams);
  admission.opened();
  admission.observe(milliseconds{40}, milliseconds{40}, 1, 0, 0);
  EXPECT_EQ(admission.load(), 0.0);
  admission.observe(milliseconds{0}, seconds{5}, 1, 0, 0);
  admission.observe(milliseconds{60}, milliseconds{10}, 1, 0, 0);

  EXPECT_NEAR(admission.load(), 0.5, 1e-9);
}

TEST(Admission, NeverAllocates) {
  Admission admission = with_sessions(8);

  const auto breaches = rt::breaches_in([&] {
    (void)admission.judge(at(1));
    admission.closed(at(2));
    second_with(admission, 7);
  });

  EXPECT_EQ(breaches, 0U);
}

}  // namespace
}  // namespace millrace::policy
