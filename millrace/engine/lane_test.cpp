#include "millrace/engine/lane.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "millrace/engine/lane_for_test.hpp"

namespace millrace::engine {
namespace {

using base::Instant;
using media::Control;
using media::ControlType;
using media::Packet;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Instant kStart{std::chrono::milliseconds(5)};

Instant after_us(std::int64_t us) {
  return kStart + base::Duration{std::chrono::microseconds(us)};
}

Packet marker(ControlType type) {
  Packet packet;
  packet.kind = media::PacketKind::control;
  packet.control_type = type;
  packet.id = 9;
  packet.lineage.turn = {3};
  packet.lineage.revision = 2;
  packet.from = base::MediaTime{10};
  packet.to = base::MediaTime{20};
  return packet;
}

TEST(LaneMarker, StandsForItsControlMessage) {
  const Control control = control_of(marker(ControlType::eager_end_of_turn));

  EXPECT_EQ(control.type, ControlType::eager_end_of_turn);
  EXPECT_EQ(control.id, 9U);
  EXPECT_EQ(control.turn, base::TurnId{3});
  EXPECT_EQ(control.revision, 2U);
  EXPECT_EQ(control.at, base::MediaTime{10});
  EXPECT_EQ(control.audio_until, base::MediaTime{20});
}

class VirtualLane : public ::testing::Test {
 protected:
  void run(Lane& lane, std::vector<Packet> job, bool timer = false) {
    for (Packet& packet : job) lane.job().push_back(std::move(packet));
    lane.start(timer, media::kNoDeadline);
    ended_ = lane.run(kStart);
  }
  static NodeCalls three_outputs() {
    return {.process = [](Packet&, node::Context& context) {
      for (int i = 0; i < 3; ++i) context.emit(0, LaneRig::packet(static_cast<float>(i)));
    }};
  }

  LaneRig rig_{Lane::Time::virtual_};
  Instant ended_{};
};

TEST_F(VirtualLane, GivesEachOutputAfterItsDeclaredCost) {
  const auto lane = rig_.lane(three_outputs(), {.first_us = 100, .per_unit_us = 10});
  std::vector<Packet> job;
  job.push_back(LaneRig::packet());
  run(*lane, std::move(job));

  std::vector<Instant> at;
  for (const LaneResult& result : lane->virtual_results()) at.push_back(result.at);

  EXPECT_THAT(at, ElementsAre(after_us(100), after_us(110), after_us(120), after_us(120)));
  EXPECT_EQ(ended_, after_us(120));
}

TEST_F(VirtualLane, HandsNothingOverBeforeItIsDue) {
  const auto lane = rig_.lane(three_outputs(), {.first_us = 100, .per_unit_us = 10});
  std::vector<Packet> job;
  job.push_back(LaneRig::packet());
  run(*lane, std::move(job));

  LaneResult result;
  EXPECT_FALSE(lane->pop_result(result, after_us(99)));
  EXPECT_TRUE(lane->pop_result(result, after_us(100)));
  EXPECT_FALSE(lane->pop_result(result, after_us(109)));
  EXPECT_FALSE(lane->idle());
  EXPECT_EQ(take_all(*lane).size(), 3U);
  EXPECT_TRUE(lane->idle());
}

TEST_F(VirtualLane, TakesNoTimeForAJobThatGivesNothing) {
  const auto lane = rig_.lane({}, {.first_us = 100, .per_unit_us = 10});
  std::vector<Packet> job;
  job.push_back(LaneRig::packet());

  run(*lane, std::move(job));

  EXPECT_EQ(ended_, kStart);
}

TEST_F(VirtualLane, TakesControlBeforeTheItemsAndBetweenThem) {
  std::string order;
  Lane* self = nullptr;
  const auto lane = rig_.lane(
      {.process =
           [&](Packet& packet, node::Context&) {
             order += std::to_string(static_cast<int>(packet.value));
             EXPECT_EQ(packet.value == 1.0F && self->post_control({}), packet.value == 1.0F);
           },
       .on_control = [&](const Control&, node::Context&) { order += "c"; }});
  self = lane.get();
  ASSERT_TRUE(lane->post_control({}));
  EXPECT_TRUE(lane->has_controls());
  std::vector<Packet> job;
  for (const float value : {1.0F, 2.0F}) job.push_back(LaneRig::packet(value));

  run(*lane, std::move(job));

  EXPECT_EQ(order, "c1c2");
  EXPECT_FALSE(lane->has_controls());
}

TEST_F(VirtualLane, RefusesControlWhenItsRingIsFull) {
  const auto lane = rig_.lane({});
  for (std::size_t i = 0; i < Lane::kControls; ++i) ASSERT_TRUE(lane->post_control({}));

  EXPECT_FALSE(lane->post_control({}));
}

TEST_F(VirtualLane, SkipsAnInputThatWasCancelledBeforeItsTurn) {
  const base::SegmentId bad = rig_.session->ledger.open(policy::SegmentKind::onset);
  const auto lane = rig_.lane(passing());
  std::vector<Packet> job;
  job.push_back(LaneRig::packet(1, bad));
  job.push_back(LaneRig::packet(2));
  (void)rig_.session->ledger.cancel(bad);

  run(*lane, std::move(job));

  const std::vector<LaneResult> results = take_all(*lane);
  ASSERT_EQ(results.size(), 2U);
  EXPECT_EQ(results[0].packet.value, 2.0F);
  EXPECT_EQ(lane->discarded(), 1U);
}

TEST_F(VirtualLane, AsksANodeToStopOnceItsInputIsCancelled) {
  const base::SegmentId bad = rig_.session->ledger.open(policy::SegmentKind::onset);
  int quanta = 0;
  const auto lane = rig_.lane({.process = [&](Packet&, node::Context& context) {
    while (!context.stop_requested()) {
      if (++quanta == 3) (void)rig_.session->ledger.cancel(bad);
    }
  }});
  std::vector<Packet> job;
  job.push_back(LaneRig::packet(1, bad));

  run(*lane, std::move(job));

  EXPECT_EQ(quanta, 3);
}

TEST_F(VirtualLane, OutputsInheritWhatTheirInputHangsOn) {
  const base::SegmentId segment = rig_.session->ledger.open(policy::SegmentKind::onset);
  const auto lane = rig_.lane(three_outputs());
  Packet input = LaneRig::packet(0, segment);
  input.lineage.turn = rig_.session->ledger.open_turn();
  input.due = Instant{std::chrono::milliseconds(2)};
  input.deadline = Instant{std::chrono::milliseconds(50)};
  input.to = base::MediaTime{77};
  std::vector<Packet> job;
  job.push_back(std::move(input));

  run(*lane, std::move(job));

  const Packet& output = lane->virtual_results().front().packet;
  EXPECT_TRUE(output.lineage.hangs_on(segment));
  EXPECT_EQ(output.lineage.turn, base::TurnId{1});
  EXPECT_EQ(output.due, Instant{std::chrono::milliseconds(2)});
  EXPECT_EQ(output.deadline, Instant{std::chrono::milliseconds(50)});
  EXPECT_EQ(output.to, base::MediaTime{77});
}

TEST_F(VirtualLane, PassesAMarkerOnBehindWhatItMadeTheNodeEmit) {
  const auto lane = rig_.lane({.on_control = [](const Control& control, node::Context& context) {
    EXPECT_EQ(control.type, ControlType::end_of_turn);
    context.emit(0, LaneRig::packet(7));
  }});
  std::vector<Packet> job;
  job.push_back(marker(ControlType::end_of_turn));

  run(*lane, std::move(job));

  const std::vector<LaneResult> results = take_all(*lane);
  ASSERT_EQ(results.size(), 3U);
  EXPECT_EQ(results[0].packet.value, 7.0F);
  EXPECT_TRUE(results[1].packet.is_marker());
  EXPECT_EQ(results[2].what, LaneResult::What::job_done);
}

TEST_F(VirtualLane, TellsTheNodeOfTheEndOfTheInput) {
  bool ended = false;
  const auto lane = rig_.lane({.on_end = [&](node::Context&) { ended = true; }});
  std::vector<Packet> job;
  job.push_back(marker(ControlType::end_of_input));

  run(*lane, std::move(job));

  EXPECT_TRUE(ended);
  EXPECT_TRUE(lane->virtual_results().front().packet.is_marker());
}

TEST_F(VirtualLane, FiresATimerOnce) {
  int fired = 0;
  const auto lane = rig_.lane(
      {.process = [](Packet&, node::Context& context) { context.set_timer(after_us(30)); },
       .on_timer = [&](node::Context&) { ++fired; }});
  std::vector<Packet> job;
  job.push_back(LaneRig::packet());
  run(*lane, std::move(job));
  EXPECT_EQ(lane->timer(), after_us(30));
  EXPECT_EQ(fired, 0);
  take_all(*lane);

  run(*lane, {}, true);

  EXPECT_EQ(fired, 1);
  EXPECT_EQ(lane->timer(), Instant{base::Duration::max()});
}

TEST_F(VirtualLane, BringsBackFailuresAndControlThatTheNodeSends) {
  const auto lane = rig_.lane({.process = [](Packet&, node::Context& context) {
    context.failed("no such voice");
    Control custom;
    custom.value = 5;
    context.send(std::move(custom));
    EXPECT_EQ(context.speculation(), nullptr);
  }});
  std::vector<Packet> job;
  job.push_back(LaneRig::packet());

  run(*lane, std::move(job));

  const std::vector<LaneResult> results = take_all(*lane);
  ASSERT_EQ(results.size(), 3U);
  EXPECT_EQ(results[0].what, LaneResult::What::failed);
  EXPECT_EQ(results[0].packet.text(), "no such voice");
  EXPECT_EQ(results[1].what, LaneResult::What::control);
  EXPECT_EQ(results[1].control.value, 5);
}

/// A lane whose node emits `kEmits` packets; one worker thread, this thread is the shard.
class RealLane : public ::testing::Test {
 protected:
  static constexpr int kEmits = 3 * static_cast<int>(Lane::kResults);

  ~RealLane() override {
    if (worker_.joinable()) worker_.join();
  }
  void start(base::SegmentId segment = {}) {
    lane_ = rig_.lane({.process = [&](Packet&, node::Context& context) {
      for (int i = 0; i < kEmits; ++i) {
        context.emit(0, LaneRig::packet(static_cast<float>(i)));
        emitted_.fetch_add(1);
      }
    }});
    lane_->job().push_back(LaneRig::packet(0, segment));
    lane_->start(false, media::kNoDeadline);
    worker_ = std::thread([&] { lane_->run(Instant{}); });
  }
  /// Returns when the worker has filled the ring of results, and so has to wait with the next.
  void let_it_fill_the_ring() {
    while (emitted_.load() < static_cast<int>(Lane::kResults)) std::this_thread::yield();
  }

  LaneRig rig_{Lane::Time::real};
  std::shared_ptr<Lane> lane_;
  std::atomic<int> emitted_{0};
  std::thread worker_;
};

TEST_F(RealLane, WaitsForRoomAndLosesNothing) {
  start();
  let_it_fill_the_ring();

  const std::vector<LaneResult> results = take_all(*lane_);

  ASSERT_EQ(results.size(), static_cast<std::size_t>(kEmits + 1));
  for (int i = 0; i < kEmits; ++i)
    EXPECT_EQ(results[static_cast<std::size_t>(i)].packet.value, static_cast<float>(i));
  EXPECT_EQ(lane_->discarded(), 0U);
}

TEST_F(RealLane, StopsWaitingWhenItsWorkIsCancelled) {
  const base::SegmentId segment = rig_.session->ledger.open(policy::SegmentKind::onset);
  start(segment);
  let_it_fill_the_ring();
  (void)rig_.session->ledger.cancel(segment);
  // Only the end of the job still needs room; nothing is taken before all else was thrown away.
  while (emitted_.load() < kEmits) std::this_thread::yield();

  const std::vector<LaneResult> results = take_all(*lane_);

  EXPECT_EQ(results.size(), Lane::kResults + 1);
  EXPECT_EQ(lane_->discarded(), kEmits - Lane::kResults);
}

TEST_F(RealLane, StopsWaitingWhenTheSessionCloses) {
  start();
  let_it_fill_the_ring();

  rig_.session->closed.store(true);
  worker_.join();

  EXPECT_EQ(emitted_.load(), kEmits);
  EXPECT_GE(lane_->discarded(), kEmits - Lane::kResults);
}

TEST_F(RealLane, RingsTheBellOfTheShardWithEachResult) {
  rig_.session->bell = std::make_shared<WakeBell>();
  start();

  take_all(*lane_);

  EXPECT_TRUE(has(rig_.session->bell->reasons(), Wake::result));
}

}  // namespace
}  // namespace millrace::engine
