#include "millrace/engine/admission_control.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace millrace::engine {
namespace {

using base::Duration;
using base::Instant;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// An engine of one shard and one pool thread on two cores, and the readings it would give.
class Load {
 public:
  explicit Load(AdmissionSettings settings = {.shards = 1.0, .pool_threads = 1.0, .cores = 2.0})
      : control(settings) {}

  /// For `span` the shard threads use `shard` cores and the pool's `pool`; of 100 decisions a
  /// second the share `late` is late. A reading every 250 ms.
  void pass(Duration span, double shard, double pool, double late = 0.0) {
    for (Duration done{0}; done < span; done += milliseconds(250)) {
      now = now + milliseconds(250);
      reading.at = now;
      reading.inputs += shard > 0.0 ? 10 : 0;
      reading.shard_cpu += cpu(shard);
      reading.pool_cpu += cpu(pool);
      reading.decisions += 25;
      reading.late += static_cast<std::uint64_t>(25.0 * late);
      control.observe(reading);
    }
  }
  base::Result<void> enter() { return control.enter(now, "caller"); }
  void enter_many(int n) {
    for (int i = 0; i < n; ++i) EXPECT_TRUE(enter().has_value()) << i;
  }

  AdmissionControl control;
  Instant now{};
  LoadReading reading;

 private:
  static Duration cpu(double cores) {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(0.25 * cores));
  }
};

TEST(AdmissionControl, RefusesNobodyBeforeASecondOfLoadWasSeen) {
  Load load;
  load.enter_many(100);

  load.pass(milliseconds(750), 1.0, 1.0, 1.0);

  load.enter_many(100);
}

TEST(AdmissionControl, TakesNoTimeWithoutSessionsForTheFirstSecond) {
  Load load;
  load.pass(seconds(5), 0.0, 0.0);
  load.enter_many(1);

  load.pass(milliseconds(750), 1.0, 0.0);

  EXPECT_TRUE(load.enter().has_value());
}

TEST(AdmissionControl, RefusesNobodyWhileAllOpenBeforeTheFirstInput) {
  Load load;
  for (int i = 0; i < 100; ++i) {
    load.enter_many(10);
    load.reading.shard_cpu += seconds(1);  // a slow machine: opening them takes all of a core
    load.pass(seconds(1), 0.0, 0.0);
  }
}

TEST(AdmissionControl, RefusesASessionForWhichTheShardsHaveNoRoom) {
  Load load;
  load.enter_many(8);
  load.pass(seconds(2), 0.8, 0.0);  // each costs a tenth

  const auto refused = load.enter();

  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, base::Code::overloaded);
  EXPECT_EQ(refused.error().where, "caller");
  EXPECT_GE(refused.error().retry_after_ms, 1000);
  EXPECT_EQ(refused.error().message,
            "one more session would make the others late: the shard threads use 0.80 of 1.00 cores "
            "(0.85 are given away at most), a session costs 0.100; try again in 5.0 s");
  EXPECT_EQ(load.control.figures().refused, 1U);
  EXPECT_TRUE(load.control.figures().refusing);
}

TEST(AdmissionControl, RefusesForAFullPoolWhileTheShardsIdle) {
  Load load;
  load.enter_many(9);
  load.pass(seconds(2), 0.01, 0.9);

  const auto refused = load.enter();

  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().message.find("the pool's threads use 0.90 of 1.00"), std::string::npos)
      << refused.error().message;
}

TEST(AdmissionControl, RefusesForAMachineWithFewerCoresThanThreads) {
  Load load({.shards = 1.0, .pool_threads = 1.0, .cores = 1.0});
  load.enter_many(8);
  load.pass(seconds(2), 0.4, 0.4);

  const auto refused = load.enter();

  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().message.find("shards and pool together use 0.80 of 1.00"),
            std::string::npos)
      << refused.error().message;
}

TEST(AdmissionControl, RefusesWhileDecisionsAreLateWhateverTheLoad) {
  Load load;
  load.enter_many(8);
  load.pass(seconds(10), 0.1, 0.1, 0.2);

  const auto refused = load.enter();

  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().message.find("% of decisions are late"), std::string::npos);
  EXPECT_NEAR(load.control.figures().late_share, 0.2, 0.01);
}

TEST(AdmissionControl, AdmitsAgainOnlyWhenThereIsRoomAndMore) {
  Load load;
  load.enter_many(8);
  load.pass(seconds(2), 0.8, 0.0);
  ASSERT_FALSE(load.enter().has_value());

  load.pass(seconds(1), 0.73, 0.0);  // there would be room, but not for the margin as well
  EXPECT_FALSE(load.enter().has_value());
  load.pass(seconds(1), 0.6, 0.0);

  EXPECT_TRUE(load.enter().has_value());
  EXPECT_FALSE(load.control.figures().refusing);
  EXPECT_EQ(load.control.figures().refused, 2U);
}

TEST(AdmissionControl, GivesTheRoomOfASessionThatLeftToTheNext) {
  Load load;
  load.enter_many(8);
  load.pass(seconds(2), 0.8, 0.0);
  ASSERT_FALSE(load.enter().has_value());

  for (int i = 0; i < 3; ++i) load.control.leave(load.now);

  EXPECT_TRUE(load.enter().has_value());
}

TEST(AdmissionControl, CountsNewcomersBeforeTheirLoadIsSeen) {
  Load load;
  load.enter_many(2);
  load.pass(seconds(2), 0.2, 0.0);

  int admitted = 0;
  while (admitted < 100 && load.enter().has_value()) ++admitted;

  EXPECT_EQ(admitted, 6);  // 0.2 and six tenths; a seventh would be over 0.85
}

TEST(AdmissionControl, LearnsTheCostFromTheTimeThatSessionsWereOpen) {
  Load load;
  load.enter_many(4);
  load.pass(seconds(4), 0.2, 0.2);

  EXPECT_NEAR(load.control.figures().session_cost, 0.1, 1e-6);
  EXPECT_NEAR(load.control.figures().shard_load, 0.2, 1e-6);
  EXPECT_NEAR(load.control.figures().pool_load, 0.2, 1e-6);
}

TEST(AdmissionControl, NeverRefusesTheOnlySession) {
  Load load;
  load.enter_many(1);
  load.pass(seconds(2), 1.0, 1.0, 1.0);
  load.control.leave(load.now);

  EXPECT_TRUE(load.enter().has_value());
}

TEST(AdmissionControl, AsksNothingWhenItIsSwitchedOff) {
  Load load({.enabled = false, .shards = 1.0, .pool_threads = 1.0, .cores = 2.0});
  load.enter_many(10);
  load.pass(seconds(5), 1.0, 1.0, 1.0);

  load.enter_many(10);
  EXPECT_EQ(load.control.figures().refused, 0U);
}

TEST(AdmissionControl, ObeysTheBoundOfTheManifest) {
  Load load({.bound = 0.5, .shards = 1.0, .pool_threads = 1.0, .cores = 2.0});
  load.enter_many(5);
  load.pass(seconds(2), 0.45, 0.0);

  EXPECT_FALSE(load.enter().has_value());
}

TEST(AdmissionControl, SurvivesReadingsThatStandStillOrGoBack) {
  Load load;
  load.enter_many(2);
  load.pass(seconds(2), 0.2, 0.0);
  LoadReading odd = load.reading;
  load.control.observe(odd);
  odd.at = odd.at + seconds(1);
  odd.shard_cpu = Duration{0};
  odd.decisions = 0;
  odd.late = 0;
  load.control.observe(odd);

  EXPECT_EQ(load.control.figures().late_share, 0.0);
  EXPECT_EQ(load.control.figures().shard_load, 0.0);
}

}  // namespace
}  // namespace millrace::engine
