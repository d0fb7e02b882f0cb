#include "millrace/engine/virtual_pool.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iterator>
#include <string>
#include <vector>

#include "millrace/engine/lane_for_test.hpp"

namespace millrace::engine {
namespace {

using base::Instant;

constexpr Instant kNever{base::Duration::max()};

Instant us(std::int64_t n) {
  return Instant{base::Duration{std::chrono::microseconds(n)}};
}

class VirtualPoolTest : public ::testing::Test {
 protected:
  /// A lane that passes one packet on at a cost of 100 us, and writes `name` into order_ when it
  /// starts.
  std::shared_ptr<Lane> posted(VirtualPool& pool, char name, StageEngine& engine,
                               std::int64_t cost_us = 100, Instant deadline = media::kNoDeadline) {
    auto lane = rig_.lane({.process =
                               [this, name](media::Packet& packet, node::Context& context) {
                                 order_ += name;
                                 context.emit(0, std::move(packet));
                               }},
                          engine, {.first_us = cost_us, .per_unit_us = 0});
    lane->job().push_back(LaneRig::packet());
    lane->start(false, deadline);
    pool.post(lane);
    return lane;
  }
  /// When the result of `lane` is due.
  static Instant due(const Lane& lane) { return lane.virtual_results().front().at; }

  LaneRig rig_{Lane::Time::virtual_};
  StageEngine alone_{.stage = 0, .parallelizable = false};
  StageEngine shared_{.stage = 1, .parallelizable = true};
  std::string order_;
};

TEST_F(VirtualPoolTest, RunsJobsInTheOrderTheyWerePosted) {
  VirtualPool pool(1);
  const auto a = posted(pool, 'a', shared_);
  const auto b = posted(pool, 'b', shared_);

  EXPECT_TRUE(pool.run_due(us(0)));
  EXPECT_EQ(order_, "a");
  EXPECT_EQ(pool.next(us(0)), us(100));
  EXPECT_FALSE(pool.run_due(us(99)));
  EXPECT_TRUE(pool.run_due(us(100)));

  EXPECT_EQ(order_, "ab");
  EXPECT_EQ(due(*a), us(100));
  EXPECT_EQ(due(*b), us(200));
}

TEST_F(VirtualPoolTest, RunsTheEarliestDeadlineFirstThenTheFirstPosted) {
  VirtualPool pool(1);
  const std::int64_t deadlines_us[] = {3'000, 1'000, 2'000, 1'000};
  std::vector<std::shared_ptr<Lane>> lanes;
  lanes.push_back(posted(pool, 'e', shared_));  // no deadline: last
  for (std::size_t i = 0; i < std::size(deadlines_us); ++i)
    lanes.push_back(posted(pool, static_cast<char>('a' + i), shared_, 100, us(deadlines_us[i])));

  for (int i = 0; i < 5; ++i) pool.run_due(us(100 * i));

  EXPECT_EQ(order_, "bdcae");
}

TEST_F(VirtualPoolTest, GoesPastAStageThatIsBusyWhateverItsDeadline) {
  VirtualPool pool(2);
  const auto a = posted(pool, 'a', alone_);
  pool.run_due(us(0));
  const auto b = posted(pool, 'b', alone_, 100, us(200));
  const auto c = posted(pool, 'c', shared_);

  pool.run_due(us(1));
  EXPECT_EQ(order_, "ac");
  pool.run_due(us(100));
  EXPECT_EQ(order_, "acb");
}

TEST_F(VirtualPoolTest, RunsAsManyAtOnceAsItHasWorkers) {
  VirtualPool pool(2);
  const auto a = posted(pool, 'a', shared_);
  const auto b = posted(pool, 'b', shared_);
  const auto c = posted(pool, 'c', shared_);

  pool.run_due(us(0));
  EXPECT_EQ(order_, "ab");
  pool.run_due(us(100));

  EXPECT_EQ(due(*b), us(100));
  EXPECT_EQ(due(*c), us(200));
}

TEST_F(VirtualPoolTest, RunsOneCallAtATimeOfAStageThatIsNotParallelizable) {
  VirtualPool pool(3);
  const auto a = posted(pool, 'a', alone_);
  const auto b = posted(pool, 'b', alone_);
  const auto c = posted(pool, 'c', shared_);

  pool.run_due(us(0));
  EXPECT_EQ(order_, "ac") << "another stage does not wait for it";
  pool.run_due(us(100));

  EXPECT_EQ(order_, "acb");
  EXPECT_EQ(due(*b), us(200));
}

TEST_F(VirtualPoolTest, FreesTheWorkerOfAJobThatTookNoTimeAtOnce) {
  VirtualPool pool(1);
  const auto a = posted(pool, 'a', alone_, 0);
  const auto b = posted(pool, 'b', alone_, 0);

  pool.run_due(us(7));

  EXPECT_EQ(order_, "ab");
  EXPECT_EQ(due(*b), us(7));
}

TEST_F(VirtualPoolTest, SaysWhenItHasSomethingToDoNext) {
  VirtualPool pool(1);
  EXPECT_EQ(pool.next(us(0)), kNever);
  EXPECT_FALSE(pool.busy());
  const auto a = posted(pool, 'a', shared_);
  EXPECT_TRUE(pool.busy());
  pool.run_due(us(0));

  EXPECT_EQ(pool.next(us(0)), us(100));
  EXPECT_EQ(pool.next(us(100)), kNever) << "what is due now counts as taken";
  EXPECT_FALSE(pool.busy());
}

TEST_F(VirtualPoolTest, HasAtLeastOneWorker) {
  VirtualPool pool(0);
  const auto a = posted(pool, 'a', shared_);

  EXPECT_TRUE(pool.run_due(us(0)));
}

}  // namespace
}  // namespace millrace::engine
