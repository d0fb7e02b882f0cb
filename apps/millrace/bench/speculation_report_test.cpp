#include "apps/millrace/bench/speculation_report.hpp"

#include <gtest/gtest.h>

#include "millrace/metrics/log_linear.hpp"

namespace millrace::app {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kPublic[] = {
    "onset_segments", "onset_cancelled_fraction", "onset_gain_p50_us",
    "eot_curve",      "release_overhead_p99_us",  "cancel_to_silence_p99_us",
    "stale_packets",  "wasted_compute_fraction",  "paired_saving_p50_us"};

metrics::Distribution of(std::uint64_t value, std::uint64_t times) {
  metrics::Distribution all;
  all.add(metrics::log_linear::bucket_of(value), times);
  all.add_totals(value * times, value);
  return all;
}

ReplyPair pair_of(std::int64_t saving_ms, std::int64_t hang_ms, std::int64_t compute_ms) {
  return {.saving = std::chrono::milliseconds(saving_ms),
          .hang = std::chrono::milliseconds(hang_ms),
          .compute = std::chrono::milliseconds(compute_ms)};
}

SpeculationCounts everything() {
  SpeculationCounts counts;
  counts.files = 2;
  counts.turns = 6;
  counts.onsets.push_back({"clean", 99, 1, 100, {200'000.0, 220'000.0, 240'000.0}});
  TurnFile file{.eagers = 10,
                .withdrawn = 2,
                .ended = 8,
                .ended_early = 1,
                .gains_us = {110'000.0},
                .fixed_gains_us = {120'000.0},
                .waits_us = {220'000.0}};
  counts.curve.push_back({{.eager_silence_ms = 64, .end_of_turn_ms = 200}, {file, file}});
  CancelCounts cancels;
  cancels.sessions = 100;
  cancels.silence = of(4'000, 12'000);
  cancels.asked = of(900'000, 12'000);
  cancels.release = of(5'000, 500);
  cancels.null = of(100'000, 1'000);
  cancels.sweep = of(300'000, 1'000);
  cancels.stage = of(200'000, 1'000);
  cancels.longest_stage = "vad";
  cancels.packets = 5'000;
  counts.cancels.push_back(cancels);
  ReplyCounts replies;
  replies.pairs = {pair_of(190, 400, 200), pair_of(200, 400, 200)};
  replies.eagers = 4;
  replies.withdrawn = 1;
  replies.wasted = std::chrono::milliseconds(100);
  replies.pool_compute = std::chrono::milliseconds(1000);
  counts.theory = replies;
  counts.replies = replies;
  return counts;
}

TEST(SpeculationFigures, HaveTheirPublicNames) {
  const Json figures = speculation_figures(everything());

  for (const char* name : kPublic) {
    ASSERT_TRUE(figures.contains(name)) << name;
    EXPECT_FALSE(figures[name].is_null()) << name;
  }
  for (const char* name :
       {"eager_silence_ms", "threshold", "turn_model", "gain_p50_us", "cancelled_fraction", "ci"})
    EXPECT_TRUE(figures["eot_curve"][0].contains(name)) << name;
  EXPECT_TRUE(figures["stubs"].empty());
}

TEST(SpeculationFigures, AreNullWithTheReasonWhenNothingWasMeasured) {
  const Json figures = speculation_figures({});

  for (const char* name : kPublic) {
    ASSERT_TRUE(figures.contains(name)) << name;
    EXPECT_TRUE(figures[name].is_null()) << name;
    EXPECT_TRUE(figures["notes"].contains(name)) << name;
  }
}

TEST(SpeculationFigures, AreWhatWasCounted) {
  const Json figures = speculation_figures(everything());

  EXPECT_EQ(figures["onset_segments"], 100);
  EXPECT_EQ(figures["onset_cancelled_fraction"], 0.01);
  EXPECT_EQ(figures["onset_gain_p50_us"], 220'000.0);
  EXPECT_EQ(figures["eot_curve"][0]["cancelled_fraction"], 0.2);
  EXPECT_EQ(figures["eot_curve"][0]["ci"], Json::array({0.2, 0.2}));
  EXPECT_EQ(figures["stale_packets"], 0);
  EXPECT_EQ(figures["paired_saving_p50_us"], 190'000.0);
  EXPECT_EQ(figures["wasted_compute_fraction"], 0.1);
  EXPECT_EQ(figures["eot_saving_of_theory"], 0.975);
  EXPECT_EQ(figures["cancel_phases"][0]["longest_stage"], "vad");
}

TEST(SpeculationFigures, SayWhenAP99RestsOnTooFew) {
  const Json figures = speculation_figures(everything());

  const auto note = [&](const char* name) { return figures["notes"][name].get<std::string>(); };
  EXPECT_NE(note("release_overhead_p99_us").find("a claim needs"), std::string::npos);
  EXPECT_EQ(note("cancel_to_silence_p99_us").find("a claim needs"), std::string::npos);
}

TEST(SpeculationTable, ShowsTheFiguresTheCurveAndTheNotes) {
  const std::string table = speculation_table(everything());

  EXPECT_NE(table.find("stale packets"), std::string::npos);
  EXPECT_NE(table.find("withdrawn %"), std::string::npos);
  EXPECT_NE(table.find("20.0 - 20.0"), std::string::npos);
  EXPECT_NE(table.find("note: stale_packets"), std::string::npos);
}

TEST(PairTurns, PairsTurnsThatEndAtTheSamePlaceOfTheAudio) {
  const auto at = [](std::int64_t ms) { return base::Instant{std::chrono::milliseconds(ms)}; };
  const auto place = [](std::int64_t ms) { return base::MediaTime{ms * 1000}; };
  const SessionTurns eager{at(0),
                           {{place(1000), at(1600), at(1200), at(1610), true},
                            {place(3000), at(3600), {}, at(3900), false}}};
  const SessionTurns waiting{at(10'000), {{place(1000), at(11'600), {}, at(11'900), false}}};

  const auto pairs = pair_turns(eager, waiting);

  ASSERT_EQ(pairs.size(), 1U);
  EXPECT_EQ(pairs[0].saving, std::chrono::milliseconds(290));
  EXPECT_EQ(pairs[0].hang, std::chrono::milliseconds(400));
  EXPECT_EQ(pairs[0].theory(), std::chrono::milliseconds(300));
}

/// Events of one session in the order of the shard, a microsecond apart unless told.
class SilenceWatchTest : public ::testing::Test {
 protected:
  static constexpr std::uint32_t kHeld = 4;
  engine::Event event(engine::EventType type, std::uint32_t segment, std::int64_t us) const {
    engine::Event made;
    made.type = type;
    made.segment = base::SegmentId{segment};
    made.cancel_reason = media::CancelReason::client;
    made.logged = base::Instant{std::chrono::microseconds(us)};
    made.stage = kHeld;
    return made;
  }
  void leaves(std::uint32_t segment, std::int64_t us, std::int64_t enqueued_us) {
    engine::Event left = event(engine::EventType::output, segment, us);
    left.lineage.segments.push_back(base::SegmentId{segment});
    engine::OutputPacket output;
    output.stage = kHeld;
    output.packet.lineage = left.lineage;
    output.packet.enqueued = base::Instant{std::chrono::microseconds(enqueued_us)};
    watch.event(left);
    watch.output(output);
  }
  SilenceWatch::Counts counts;
  SilenceWatch watch{kHeld, counts};
};

TEST_F(SilenceWatchTest, TimesTheFirstPacketThatAConfirmReleased) {
  watch.event(event(engine::EventType::speculation_confirmed, 1, 100));
  leaves(1, 103, 40);
  leaves(1, 110, 41);

  EXPECT_EQ(counts.release.distribution().count(), 1U);
  EXPECT_EQ(counts.packets, 2U);
  EXPECT_EQ(counts.stale, 0U);
  EXPECT_EQ(counts.unmatched, 0U);
}

TEST_F(SilenceWatchTest, CountsACancelAndWhatLeavesAfterItAsStale) {
  engine::Event answer = event(engine::EventType::control, 1, 105);
  answer.status = engine::ControlStatus::applied;
  answer.control_type = media::ControlType::cancel_speculation;

  watch.event(event(engine::EventType::speculation_cancelled, 1, 100));
  watch.event(answer);
  leaves(2, 120, 60);
  leaves(1, 130, 50);

  EXPECT_EQ(counts.cancels, 1U);
  EXPECT_EQ(counts.packets, 2U);
  EXPECT_EQ(counts.stale, 1U);
  EXPECT_EQ(counts.silence.distribution().count(), 2U);
}

}  // namespace
}  // namespace millrace::app
