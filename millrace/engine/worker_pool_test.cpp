#include "millrace/engine/worker_pool.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "millrace/engine/lane_for_test.hpp"

// Threads, but no times: every wait is for something that must come, however late.
namespace millrace::engine {
namespace {

using base::Instant;

constexpr base::Duration kPatient = std::chrono::minutes(5);

class WorkerPoolTest : public ::testing::Test {
 protected:
  std::unique_ptr<WorkerPool> pool(std::uint32_t threads) {
    auto made = WorkerPool::start(threads, 64);
    EXPECT_TRUE(made.has_value());
    return std::move(*made);
  }
  void post(WorkerPool& to, const std::shared_ptr<Lane>& lane,
            Instant deadline = media::kNoDeadline) {
    lane->job().push_back(LaneRig::packet());
    lane->start(false, deadline);
    to.post(lane);
  }
  static void wait_done(Lane& lane) {
    LaneResult result;
    while (!lane.idle())
      if (!lane.pop_result(result, Instant{base::Duration::max()})) std::this_thread::yield();
  }
  /// A lane that holds its worker until open_ is set.
  std::shared_ptr<Lane> held(StageEngine& engine) {
    return rig_.lane({.process =
                          [this](media::Packet&, node::Context&) {
                            holding_.fetch_add(1);
                            while (!open_.load()) std::this_thread::yield();
                          }},
                     engine);
  }

  LaneRig rig_{Lane::Time::real};
  StageEngine shared_{.stage = 0, .parallelizable = true};
  StageEngine alone_{.stage = 1, .parallelizable = false};
  std::atomic<int> holding_{0};
  std::atomic<bool> open_{false};
};

TEST_F(WorkerPoolTest, TakesTheEarliestDeadlineFirstAndThenTheFirstPosted) {
  const auto workers = pool(1);
  std::string order;
  const auto named = [&](char name) {
    return rig_.lane({.process = [&order, name](media::Packet&, node::Context&) { order += name; }},
                     shared_);
  };
  const auto first = held(shared_);
  post(*workers, first);
  while (holding_.load() == 0) std::this_thread::yield();
  const std::vector<std::shared_ptr<Lane>> lanes{named('a'), named('b'), named('c'), named('d'),
                                                 named('e')};
  const std::int64_t deadlines_ms[] = {30, 10, 20, 10, 0};
  for (std::size_t i = 0; i < lanes.size(); ++i)
    post(*workers, lanes[i],
         deadlines_ms[i] == 0 ? media::kNoDeadline
                              : Instant{std::chrono::milliseconds(deadlines_ms[i])});

  open_ = true;
  for (const auto& lane : lanes) wait_done(*lane);

  EXPECT_EQ(order, "bdcae");
}

TEST_F(WorkerPoolTest, NeverOverlapsCallsOfAStageThatIsNotParallelizable) {
  const auto workers = pool(4);
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  std::atomic<int> calls{0};
  std::vector<std::shared_ptr<Lane>> lanes;
  for (int i = 0; i < 8; ++i)
    lanes.push_back(rig_.lane({.process =
                                   [&](media::Packet&, node::Context&) {
                                     const int now = inside.fetch_add(1) + 1;
                                     if (now > most.load()) most.store(now);
                                     for (int k = 0; k < 20; ++k) std::this_thread::yield();
                                     inside.fetch_sub(1);
                                     calls.fetch_add(1);
                                   }},
                              alone_));

  for (int round = 0; round < 25; ++round) {
    for (const auto& lane : lanes) post(*workers, lane);
    for (const auto& lane : lanes) wait_done(*lane);
  }

  EXPECT_EQ(calls.load(), 200);
  EXPECT_EQ(most.load(), 1);
}

TEST_F(WorkerPoolTest, RunsCallsOfAParallelizableStageAtTheSameTime) {
  const auto workers = pool(2);
  std::atomic<int> inside{0};
  const auto meeting = [&] {
    return rig_.lane({.process =
                          [&](media::Packet&, node::Context&) {
                            inside.fetch_add(1);
                            while (inside.load() < 2) std::this_thread::yield();
                          }},
                     shared_);
  };
  const auto a = meeting();
  const auto b = meeting();

  post(*workers, a);
  post(*workers, b);
  wait_done(*a);
  wait_done(*b);

  EXPECT_EQ(inside.load(), 2);
}

TEST_F(WorkerPoolTest, GoesOnWithAnotherStageWhileOneIsBusy) {
  const auto workers = pool(2);
  const auto busy = held(alone_);
  const auto waits = rig_.lane({}, alone_);
  const auto other = rig_.lane({}, shared_);
  post(*workers, busy);
  while (holding_.load() == 0) std::this_thread::yield();

  post(*workers, waits);
  post(*workers, other);
  wait_done(*other);

  EXPECT_FALSE(waits->idle());
  open_ = true;
  wait_done(*waits);
}

TEST_F(WorkerPoolTest, StopsWorkersThatHaveNothingToDo) {
  const auto workers = pool(3);

  EXPECT_EQ(workers->stop(kPatient), 0U);
}

TEST_F(WorkerPoolTest, WaitsForACallThatIsUnderWay) {
  const auto workers = pool(1);
  const auto lane = held(shared_);
  post(*workers, lane);
  while (holding_.load() == 0) std::this_thread::yield();
  std::thread opener([&] { open_ = true; });

  EXPECT_EQ(workers->stop(kPatient), 0U);
  opener.join();
}

TEST_F(WorkerPoolTest, AbandonsAWorkerThatHangsAndStopsTheOthers) {
  auto lane = held(shared_);
  {
    const auto workers = pool(3);
    post(*workers, lane);
    while (holding_.load() == 0) std::this_thread::yield();
    std::uint32_t abandoned = 0;
    // Idle workers may need their time on a busy machine; the one that hangs never ends.
    abandoned = workers->stop(std::chrono::milliseconds(200));
    EXPECT_GE(abandoned, 1U);
  }

  // What it uses must outlive it: here, this test.
  open_ = true;
  wait_done(*lane);
  while (lane.use_count() > 1) std::this_thread::yield();
}

}  // namespace
}  // namespace millrace::engine
