#include "apps/millrace/bench/speculation_load.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace millrace::app {
namespace {

using engine::Event;
using engine::EventType;

constexpr std::uint32_t kHeld = 3;
constexpr std::uint32_t kHeard = 4;

base::Instant us(std::int64_t microseconds) {
  return base::Instant{std::chrono::microseconds(microseconds)};
}

class Silence : public ::testing::Test {
 protected:
  void happens(EventType type, std::int64_t at_us, std::uint32_t segment) {
    Event event;
    event.type = type;
    event.segment = {segment};
    event.cancel_reason = media::CancelReason::client;
    event.logged = us(at_us);
    watch_.event(event);
  }
  void interrupted(std::int64_t at_us, std::uint32_t turn) {
    Event event;
    event.type = EventType::interrupt;
    event.lineage.turn = {turn};
    event.logged = us(at_us);
    watch_.event(event);
  }
  void answered(media::ControlType type, std::int64_t asked_us, std::int64_t at_us,
                engine::ControlStatus status = engine::ControlStatus::applied) {
    Event event;
    event.type = EventType::control;
    event.control_type = type;
    event.status = status;
    event.sent = us(asked_us);
    event.logged = us(at_us);
    watch_.event(event);
  }
  void leaves(std::uint32_t stage, std::int64_t at_us, std::uint32_t segment, std::uint32_t turn,
              std::int64_t enqueued_us = 0) {
    Event event;
    event.type = EventType::output;
    event.stage = static_cast<std::uint16_t>(stage);
    event.lineage.add({segment});
    event.lineage.turn = {turn};
    event.logged = us(at_us);
    engine::OutputPacket output{.stage = stage, .packet = {}};
    output.packet.lineage = event.lineage;
    output.packet.enqueued = us(enqueued_us);
    watch_.event(event);
    watch_.output(output);
  }

  std::unique_ptr<SilenceWatch::Counts> counts_ = std::make_unique<SilenceWatch::Counts>();
  SilenceWatch watch_{kHeld, *counts_};
};

TEST_F(Silence, CountsFromTheLedgersAnswerAndFromTheClientsCall) {
  leaves(kHeard, 900, 1, 1);
  happens(EventType::speculation_cancelled, 1'000, 1);
  answered(media::ControlType::cancel_speculation, 400, 1'010);
  leaves(kHeard, 2'000, 2, 1);

  EXPECT_EQ(counts_->cancels, 1U);
  EXPECT_EQ(counts_->stale, 0U);
  EXPECT_EQ(counts_->packets, 2U);
  EXPECT_EQ(counts_->silence.distribution().max(), 10'000U);
  EXPECT_EQ(counts_->asked.distribution().max(), 610'000U);
}

TEST_F(Silence, APacketOfACancelledSegmentIsStaleAndEndsTheSilenceLater) {
  happens(EventType::speculation_cancelled, 1'000, 1);
  answered(media::ControlType::cancel_speculation, 400, 1'010);
  leaves(kHeard, 5'000, 1, 1);

  EXPECT_EQ(counts_->stale, 1U);
  EXPECT_EQ(counts_->silence.distribution().max(), 4'000'000U);
}

TEST_F(Silence, AnInterruptSilencesItsTurnAndThoseBeforeIt) {
  interrupted(1'000, 2);
  answered(media::ControlType::interrupt, 900, 1'005);
  leaves(kHeard, 1'100, 7, 3);
  EXPECT_EQ(counts_->stale, 0U);

  leaves(kHeard, 1'200, 7, 2);
  leaves(kHeard, 1'300, 7, 1);

  EXPECT_EQ(counts_->interrupts, 1U);
  EXPECT_EQ(counts_->stale, 2U);
}

TEST_F(Silence, TimesOnlyReleasesOfWhatWasHeld) {
  happens(EventType::speculation_confirmed, 1'000, 1);
  leaves(kHeard, 1'001, 1, 1, 990);
  leaves(kHeld, 1'030, 1, 1, 900);
  leaves(kHeld, 9'000, 1, 1, 8'990);
  happens(EventType::speculation_confirmed, 20'000, 2);
  leaves(kHeld, 30'000, 2, 1, 29'990);

  EXPECT_EQ(counts_->release.distribution().count(), 1U);
  EXPECT_EQ(counts_->release.distribution().max(), 30'000U);
}

TEST_F(Silence, AMessageThatCameTooLateIsNotTimed) {
  answered(media::ControlType::cancel_speculation, 400, 1'010, engine::ControlStatus::too_late);

  EXPECT_EQ(counts_->not_applied, 1U);
  EXPECT_EQ(counts_->silence.distribution().count(), 0U);
}

TEST_F(Silence, APacketThatIsNotWhatTheLogSaysIsUnmatched) {
  Event event;
  event.type = EventType::output;
  event.lineage.add({1});
  watch_.event(event);
  engine::OutputPacket output;
  output.packet.lineage.add({2});
  watch_.output(output);

  EXPECT_EQ(counts_->unmatched, 1U);
}

}  // namespace
}  // namespace millrace::app
