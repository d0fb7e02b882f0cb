#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "millrace/engine/lane_for_test.hpp"
#include "millrace/engine/virtual_pool.hpp"
#include "millrace/engine/worker_pool.hpp"

// Jobs of several lanes that are posted as one.
namespace millrace::engine {
namespace {

using base::Instant;
using media::Packet;
using ::testing::ElementsAre;
using ::testing::SizeIs;

/// Emits what each session deferred, with the number of sessions in `to`.
void emit_all(std::span<node::Work> works) {
  for (const node::Work& work : works) {
    Packet packet = DeferringStage::session_of(work).take();
    if (work.context->stop_requested()) continue;
    packet.to = base::MediaTime{static_cast<std::int64_t>(works.size())};
    work.context->emit(0, std::move(packet));
  }
}

/// Lanes with as many packets as told, started, of which the first runs the others.
struct Group {
  Group(LaneRig& rig, DeferringStage& stage, std::vector<int> packets,
        node::VirtualCost cost = {}) {
    for (const int count : packets) {
      auto shared = std::make_shared<SessionShared>();
      shared->payloads = &rig.payloads;
      lanes.push_back(rig.lane(stage, shared, cost));
      sessions.push_back(std::move(shared));
      for (int i = 0; i < count; ++i)
        lanes.back()->job().push_back(LaneRig::packet(static_cast<float>(i)));
      lanes.back()->start(false, Instant{std::chrono::seconds(10 - lanes.size())});
      if (lanes.size() > 1) lanes.front()->run_with(lanes.back());
    }
  }
  std::vector<std::shared_ptr<Lane>> lanes;              // shared: with the pool
  std::vector<std::shared_ptr<SessionShared>> sessions;  // shared: with the lanes
};

/// The number of sessions that each output of a lane was made with.
std::vector<std::int64_t> company(Lane& lane) {
  std::vector<std::int64_t> sizes;
  for (const LaneResult& result : take_all(lane))
    if (result.what == LaneResult::What::packet) sizes.push_back(result.packet.to.count());
  return sizes;
}

TEST(LanesTogether, DoWhatTheyDeferInOneRunAndGoOnByThemselvesBehindIt) {
  LaneRig rig(Lane::Time::virtual_);
  DeferringStage stage(emit_all);
  Group group(rig, stage, {2, 1, 3});

  group.lanes.front()->run(Instant{});

  EXPECT_THAT(company(*group.lanes[0]), ElementsAre(3, 2));
  EXPECT_THAT(company(*group.lanes[1]), ElementsAre(3));
  EXPECT_THAT(company(*group.lanes[2]), ElementsAre(3, 2, 1));
  for (const auto& lane : group.lanes) EXPECT_TRUE(lane->idle());
}

TEST(LanesTogether, CountWhatTheyDeferred) {
  LaneRig rig(Lane::Time::virtual_);
  DeferringStage stage(emit_all);
  Group group(rig, stage, {2, 0});

  group.lanes.front()->run(Instant{});

  EXPECT_EQ(take_all(*group.lanes[0]).back().deferred, 2U);
  EXPECT_EQ(take_all(*group.lanes[1]).back().deferred, 0U);
}

TEST(LanesTogether, HaveTheEarliestDeadlineOfThemAll) {
  LaneRig rig(Lane::Time::virtual_);
  DeferringStage stage(emit_all);
  const Group group(rig, stage, {1, 1, 1});

  EXPECT_EQ(group.lanes.front()->deadline(), Instant{std::chrono::seconds(7)});
}

TEST(LanesTogether, CostMoreForEachSessionUnderTheVirtualClock) {
  LaneRig rig(Lane::Time::virtual_);
  DeferringStage stage(emit_all);
  Group group(rig, stage, {1, 1, 1}, {.first_us = 100, .per_session_us = 10});
  VirtualPool pool(1);
  pool.post(group.lanes.front());

  pool.run_due(Instant{});

  EXPECT_EQ(pool.next(Instant{}), Instant{std::chrono::microseconds(120)});
  for (const auto& lane : group.lanes)
    EXPECT_EQ(lane->virtual_results().front().at, Instant{std::chrono::microseconds(120)});
}

TEST(LanesTogether, DeferAgainUntilTheStageHasDoneAll) {
  LaneRig rig(Lane::Time::virtual_);
  int runs = 0;
  DeferringStage stage([&runs](std::span<node::Work> works) {
    // The first run does nothing for the second session: it stays deferred.
    ++runs;
    for (std::size_t i = 0; i < works.size(); ++i)
      if (runs > 1 || i == 0)
        works[i].context->emit(0, DeferringStage::session_of(works[i]).take());
  });
  Group group(rig, stage, {1, 1});

  group.lanes.front()->run(Instant{});

  EXPECT_EQ(runs, 2);
  EXPECT_THAT(take_all(*group.lanes[1]), SizeIs(2));
}

TEST(LanesTogether, ASessionThatClosesMeanwhileIsGivenUpAlone) {
  LaneRig rig(Lane::Time::virtual_);
  std::vector<std::shared_ptr<SessionShared>> sessions;  // shared: with the lanes
  DeferringStage stage([&sessions](std::span<node::Work> works) {
    sessions[1]->closed.store(true);
    emit_all(works);
  });
  Group group(rig, stage, {1, 2, 1});
  sessions = group.sessions;

  group.lanes.front()->run(Instant{});

  EXPECT_THAT(company(*group.lanes[0]), ElementsAre(3));
  EXPECT_THAT(company(*group.lanes[1]), SizeIs(0));
  EXPECT_THAT(company(*group.lanes[2]), ElementsAre(3));
}

TEST(LanesTogether, AJobThatExpiredIsToldToGiveUp) {
  LaneRig rig(Lane::Time::virtual_);
  DeferringStage stage(emit_all);
  const auto lane = rig.lane(stage);
  lane->job().push_back(LaneRig::packet());
  lane->start(false, Instant{}, Lane::Fate::expired);

  lane->run(Instant{});

  EXPECT_THAT(company(*lane), SizeIs(0));
  EXPECT_EQ(lane->discarded(), 1U);
}

// What one lane gives is the shard's before the others are done: it may post its next job.
TEST(LanesTogether, GiveTheirResultsOnWorkersWithoutWaitingForEachOther) {
  constexpr int kRounds = 200;
  LaneRig rig(Lane::Time::real);
  DeferringStage stage(emit_all);
  auto pool = WorkerPool::start(2, 8);
  ASSERT_TRUE(pool);
  for (int round = 0; round < kRounds; ++round) {
    Group group(rig, stage, {1, 3, 2, 1});
    (*pool)->post(group.lanes.front());
    for (const auto& lane : group.lanes) {
      const std::size_t results = take_all(*lane).size();
      lane->job().push_back(LaneRig::packet(9.0F));
      lane->start(false, media::kNoDeadline);
      (*pool)->post(lane);
      EXPECT_THAT(company(*lane), ElementsAre(1)) << results;
    }
  }
}

}  // namespace
}  // namespace millrace::engine
