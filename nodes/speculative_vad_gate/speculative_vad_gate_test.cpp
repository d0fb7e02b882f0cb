#include "nodes/speculative_vad_gate/speculative_vad_gate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "nodes/speculative_vad_gate/gate_driver_for_test.hpp"

// What the gate sends, confirms and withdraws. Turns and barge-in: turns_test.cpp.
namespace millrace::nodes {
namespace {

using base::MediaTime;
using ::testing::ElementsAre;
using testing::GivenParam;
using ::testing::IsEmpty;
using testing::RecordedCall;
using ::testing::SizeIs;
using testing::SpeculationCall;

constexpr auto ms = GateDriver::ms;
const GivenParam kNoTurns{"turn", "off"};

std::vector<SpeculationCall> kinds(GateDriver& gate) {
  std::vector<SpeculationCall> found;
  for (const RecordedCall& call : gate.speculation().calls()) found.push_back(call.call);
  return found;
}

// Ten windows of silence, so that the trigger window is [320, 352) ms.

TEST(SpeculativeVadGate, SendsFromTheLookbackOnAsSoonAsSpeechBegins) {
  GateDriver gate;
  gate.run(trace({10, 1}));

  EXPECT_THAT(
      gate.speculation().calls(),
      ElementsAre(
          RecordedCall{.call = SpeculationCall::open_segment, .segment = {1}, .from = ms(170)},
          RecordedCall{.call = SpeculationCall::open_turn, .turn = {1}}));
  const auto sent = gate.sent();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(sent.at(1).from, ms(170));
  EXPECT_EQ(sent.at(1).to, ms(352));
  EXPECT_TRUE(sent.at(1).discontinuity);
  EXPECT_THAT(sent.at(1).turns, ::testing::Each(base::TurnId{1}));
}

TEST(SpeculativeVadGate, SendsAudioThatNoDecisionIsThereAboutInTheTickItCame) {
  GateDriver gate;
  gate.run(trace({10, 1}));
  gate.give(11 * 512, 11 * 512 + 320);

  EXPECT_EQ(gate.sent().at(1).to, ms(372));
}

TEST(SpeculativeVadGate, ConfirmsSpeechThatLastsAndTellsWhereItBeganAndEnded) {
  GateDriver gate{{kNoTurns}};
  gate.run(trace({10, 20, 4}));

  EXPECT_THAT(
      gate.speculation().calls(),
      ElementsAre(
          RecordedCall{.call = SpeculationCall::open_segment, .segment = {1}, .from = ms(170)},
          RecordedCall{.call = SpeculationCall::confirm_segment, .segment = {1}},
          RecordedCall{.call = SpeculationCall::speech_started, .at = ms(170)},
          RecordedCall{.call = SpeculationCall::speech_ended, .at = ms(990)}));
  EXPECT_EQ(gate.sent().at(1).to, ms(1088));
  EXPECT_THAT(gate.sent().at(1).turns, ::testing::Each(base::TurnId{}));
}

TEST(SpeculativeVadGate, CancelsWhatWasTooShortWithTheExactRangeOfWhatItSent) {
  for (const std::int64_t frame_ms : {10, 20, 31, 200}) {
    GateDriver gate;
    gate.run(trace({10, 2, 10}), frame_ms);

    const auto cancelled = gate.speculation().calls(SpeculationCall::cancel_segment);
    EXPECT_THAT(cancelled, ElementsAre(RecordedCall{.call = SpeculationCall::cancel_segment,
                                                    .segment = {1},
                                                    .from = ms(170),
                                                    .to = ms(512),
                                                    .reason = media::CancelReason::too_short}));
    EXPECT_EQ(gate.sent().at(1).from, ms(170));
    EXPECT_EQ(gate.sent().at(1).to, ms(512));
    EXPECT_THAT(gate.speculation().calls(SpeculationCall::speech_started), IsEmpty());
    EXPECT_THAT(gate.speculation().calls(SpeculationCall::end_of_turn), IsEmpty());
  }
}

TEST(SpeculativeVadGate, BeginsTheNextSegmentBehindWhatItSentLastAndMarksTheBreak) {
  GateDriver gate;
  gate.run(trace({10, 2, 5, 12}));

  const auto opened = gate.speculation().calls(SpeculationCall::open_segment);
  ASSERT_THAT(opened, SizeIs(2));
  // The lookback would reach to 394 ms, but up to 512 ms was sent under the first.
  EXPECT_EQ(opened[1].from, ms(512));
  EXPECT_TRUE(gate.sent().at(2).discontinuity);
  // One turn: nothing came of the first segment.
  EXPECT_THAT(gate.speculation().calls(SpeculationCall::open_turn), SizeIs(1));
}

TEST(SpeculativeVadGate, MarksNoBreakWhereConfirmedSpeechFollowsConfirmedSpeech) {
  GateDriver gate;
  gate.run(trace({10, 12, 5, 12}));

  ASSERT_THAT(gate.sent(), SizeIs(2));
  EXPECT_EQ(gate.sent().at(2).from, gate.sent().at(1).to);
  EXPECT_FALSE(gate.sent().at(2).discontinuity);
}

TEST(SpeculativeVadGate, GivesAllAudioForConfirmation) {
  GateDriver gate;
  gate.run(trace({10, 2, 10}), 31);

  std::vector<float> all;
  for (std::int64_t frame = 0; frame < 22 * 512; ++frame) all.push_back(GateDriver::sample(frame));
  EXPECT_EQ(gate.harness().samples(1), all);
  for (const media::Packet& packet : gate.harness().out(1)) EXPECT_TRUE(packet.lineage.empty());
}

std::vector<float> random_trace(std::mt19937& random) {
  std::vector<float> made;
  while (made.size() < 150) {
    const std::size_t windows = 1 + random() % (random() % 3 == 0 ? 20 : 5);
    const float values[] = {0.0F, 0.2F, 0.4F, 0.6F, 0.9F};
    made = then(std::move(made), windows, values[random() % 5]);
  }
  return made;
}

TEST(SpeculativeVadGate, DecidesTheSameHoweverTheAudioWasCut) {
  std::mt19937 random{11};
  for (int round = 0; round < 60; ++round) {
    const std::vector<float> decisions = random_trace(random);
    const std::vector<GivenParam> params{
        {"turn", round % 2 == 0 ? "fast" : "balanced"},
        {"lookback_ms", static_cast<double>(random() % 200)},
        {"min_speech_ms", static_cast<double>(random() % 400)},
        {"min_silence_ms", static_cast<double>(20 + random() % 200)}};
    std::vector<RecordedCall> expected;
    std::vector<float> samples;
    for (const std::int64_t frame_ms : {10, 20, 31}) {
      GateDriver gate{params};
      gate.run(decisions, frame_ms).run_to(150 * 512 + 200, frame_ms).end();
      EXPECT_THAT(gate.harness().failures(), IsEmpty());
      if (frame_ms == 10) {
        expected = gate.speculation().calls();
        samples = gate.harness().samples(0);
        EXPECT_FALSE(expected.empty());
      }
      EXPECT_EQ(gate.speculation().calls(), expected) << "round " << round;
      EXPECT_EQ(gate.harness().samples(0), samples);
    }
  }
}

TEST(SpeculativeVadGate, CancelsExactlyWhatEachSegmentSentAndEndsEveryOne) {
  std::mt19937 random{5};
  for (int round = 0; round < 60; ++round) {
    GateDriver gate;
    const auto late = static_cast<std::int64_t>(random() % 60);
    gate.late(late).run(random_trace(random), 10 + static_cast<std::int64_t>(random() % 50)).end();

    auto sent = gate.sent();
    std::size_t ended = 0;
    for (const RecordedCall& call : gate.speculation().calls()) {
      if (call.call == SpeculationCall::confirm_segment) ++ended;
      if (call.call != SpeculationCall::cancel_segment) continue;
      ++ended;
      ASSERT_TRUE(sent.contains(call.segment.number));
      EXPECT_EQ(sent[call.segment.number].from, call.from);
      EXPECT_EQ(sent[call.segment.number].to, call.to);
    }
    EXPECT_EQ(ended, gate.speculation().calls(SpeculationCall::open_segment).size());
    EXPECT_EQ(gate.speculation().calls(SpeculationCall::speech_started).size(),
              gate.speculation().calls(SpeculationCall::speech_ended).size());
    EXPECT_FALSE(sent.contains(0));
  }
}

TEST(SpeculativeVadGate, AppliesADecisionThatComesWithinTheLookahead) {
  GateDriver gate;
  gate.late(40).run(trace({10, 2, 12}));

  const auto cancelled = gate.speculation().calls(SpeculationCall::cancel_segment);
  ASSERT_THAT(cancelled, SizeIs(1));
  EXPECT_EQ(cancelled[0].from, ms(170));
  // The decision about the window that ends at 512 ms came once 540 ms of audio were there.
  EXPECT_EQ(cancelled[0].to, ms(540));
  EXPECT_EQ(gate.sent().at(1).to, ms(540));
  EXPECT_THAT(gate.harness().failures(), IsEmpty());
}

TEST(SpeculativeVadGate, CountsADecisionThatComesLater) {
  GateDriver gate;
  gate.late(100).run(trace({10, 12, 12}));

  EXPECT_THAT(gate.speculation().calls(), IsEmpty());
  EXPECT_THAT(gate.harness().data(0), IsEmpty());
  EXPECT_FALSE(gate.harness().failures().empty());
}

TEST(SpeculativeVadGate, ConfirmsAndSplitsWhatIsLongerThanTheRing) {
  GateDriver gate;
  gate.run(trace({10, 1}));
  // No decision comes any more: 150 + 50 + 250 + 100 + 32 ms are the ring.
  gate.run_to(16'000, 20);

  const auto opened = gate.speculation().calls(SpeculationCall::open_segment);
  ASSERT_THAT(opened, SizeIs(2));
  const auto sent = gate.sent();
  EXPECT_EQ(sent.at(1).from, ms(170));
  EXPECT_EQ(sent.at(1).to, opened[1].from);
  EXPECT_EQ(sent.at(2).from, opened[1].from);
  EXPECT_FALSE(sent.at(2).discontinuity);
  EXPECT_GT(opened[1].from - ms(170), ms(582));
  EXPECT_LE(opened[1].from - ms(170), ms(602));
  EXPECT_THAT(gate.speculation().calls(SpeculationCall::confirm_segment), SizeIs(1));
  gate.end();
  const auto cancelled = gate.speculation().calls(SpeculationCall::cancel_segment);
  ASSERT_THAT(cancelled, SizeIs(1));
  EXPECT_EQ(cancelled[0].from, opened[1].from);
  EXPECT_EQ(cancelled[0].to, ms(1000));
}

TEST(SpeculativeVadGate, WaitsForTheConfirmWhileTheBudgetIsUsedUp) {
  GateDriver gate;
  gate.speculation().set_budget_used_up(true);
  gate.run(trace({10, 7}));
  EXPECT_THAT(gate.harness().data(0), IsEmpty());

  gate.speculation().set_budget_used_up(false);
  gate.run(trace({0, 4}));

  const auto sent = gate.sent();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(sent.begin()->second.from, ms(170));
  EXPECT_EQ(gate.speculation().calls(SpeculationCall::speech_started)[0].at, ms(170));
  EXPECT_EQ(gate.harness().ledger().state({1}), policy::SegmentState::confirmed);
}

TEST(SpeculativeVadGate, LosesNothingAndRepeatsNothingWhenTheBudgetEndsAtASplit) {
  GateDriver gate;
  gate.run(trace({10, 1}));
  gate.speculation().set_budget_used_up(true);
  gate.run_to(16'000, 20);
  EXPECT_EQ(gate.sent().at(1).to, ms(772));

  for (std::int64_t window = 31; window < 35; ++window) {
    gate.decide(window, 1.0F);
    gate.give(window * 512 + 128, (window + 1) * 512 + 128);
  }
  gate.end();
  const auto sent = gate.sent();
  ASSERT_TRUE(sent.contains(0));
  EXPECT_EQ(sent.at(0).from, ms(772));
  EXPECT_EQ(sent.at(0).to, ms(1128));
}

TEST(SpeculativeVadGate, StopsSendingWhatAClientWithdrewAndSendsItAgainOnceItIsSpeech) {
  GateDriver gate;
  gate.run(trace({10, 4}));
  gate.harness().cancel({1});
  gate.harness().clear();
  gate.run(trace({0, 3}));
  EXPECT_THAT(gate.harness().data(0), IsEmpty());

  gate.run(trace({0, 8, 6}));
  const auto sent = gate.sent();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(sent.at(2).from, ms(170));
  EXPECT_THAT(gate.speculation().calls(SpeculationCall::cancel_segment), IsEmpty());
  EXPECT_THAT(gate.speculation().calls(SpeculationCall::speech_ended), SizeIs(1));
}

TEST(SpeculativeVadGate, HeedsNoCancelOfWhatIsConfirmedOrNotItsOwn) {
  GateDriver gate;
  gate.run(trace({10, 12}));
  gate.harness().cancel({1});
  gate.harness().cancel({77});
  gate.run(trace({0, 4}));

  EXPECT_EQ(gate.sent().at(1).to, ms(832));
}

TEST(SpeculativeVadGate, GoesOnBehindAGapWithoutSendingAcrossIt) {
  GateDriver gate{{kNoTurns}};
  gate.run(trace({10, 12})).lose_to(16'000);
  gate.run(trace({0, 4}));

  const auto packets = gate.harness().data(0);
  MediaTime end{0};
  int breaks = 0;
  for (const media::Packet& packet : packets) {
    if (packet.from != end) {
      ++breaks;
      EXPECT_TRUE(packet.discontinuity);
    }
    EXPECT_FALSE(packet.from > ms(704) && packet.from < ms(1000));
    end = packet.to;
  }
  EXPECT_EQ(breaks, 2);
  EXPECT_EQ(gate.sent().size(), 1U);
}

TEST(SpeculativeVadGate, ReachesBackNoFurtherThanAGap) {
  GateDriver gate{{kNoTurns}};
  gate.run(trace({2})).lose_to(16'000);
  gate.run(trace({1, 4}));

  EXPECT_EQ(gate.sent().at(1).from, ms(1000));
}

TEST(SpeculativeVadGate, PassesOnTheMarkOfABreakThatLostNoTime) {
  GateDriver gate;
  gate.run(trace({10, 12}));
  media::Packet broken = gate.harness().out(1).back();
  broken.port = GateDriver::kAudio;
  broken.from = broken.to;
  broken.to = broken.from + base::media_time(broken.frames, GateDriver::kRate);
  broken.discontinuity = true;
  gate.harness().clear();
  gate.harness().push(std::move(broken));

  ASSERT_THAT(gate.harness().data(0), SizeIs(1));
  EXPECT_TRUE(gate.harness().data(0)[0].discontinuity);
}

TEST(SpeculativeVadGate, CancelsWhatIsUnconfirmedAtTheEndOfTheInput) {
  GateDriver gate;
  gate.run(trace({10, 4})).run_to(14 * 512 + 100).end();

  const auto cancelled = gate.speculation().calls(SpeculationCall::cancel_segment);
  ASSERT_THAT(cancelled, SizeIs(1));
  EXPECT_EQ(cancelled[0].to, base::media_time(14 * 512 + 100, GateDriver::kRate));
  EXPECT_THAT(gate.speculation().calls(SpeculationCall::end_of_turn), IsEmpty());
}

TEST(SpeculativeVadGate, AppliesADecisionThatReachesOverTheEndOfTheInput) {
  GateDriver gate{{kNoTurns}};
  gate.run(trace({10, 7}));
  gate.give(17 * 512, 17 * 512 + 480);
  gate.decide(17, 1.0F);
  gate.end();

  // Up to 574 ms: 254 ms of speech are enough.
  EXPECT_THAT(kinds(gate),
              ElementsAre(SpeculationCall::open_segment, SpeculationCall::confirm_segment,
                          SpeculationCall::speech_started, SpeculationCall::speech_ended));
  EXPECT_EQ(gate.speculation().calls().back().at, ms(574));
}

TEST(SpeculativeVadGate, DoesNothingWithoutDecisionsOrWithoutAudio) {
  GateDriver silent;
  silent.run_to(16'000).end();
  EXPECT_THAT(silent.speculation().calls(), IsEmpty());
  EXPECT_THAT(silent.harness().data(0), IsEmpty());

  GateDriver deaf{{}, false, {}};
  for (std::int64_t window = 0; window < 100; ++window) deaf.decide(window, 1.0F);
  deaf.end();
  EXPECT_THAT(deaf.speculation().calls(), IsEmpty());
  EXPECT_THAT(deaf.harness().failures(), SizeIs(36));
}

TEST(SpeculativeVadGate, CountsDecisionsOutOfOrderAndGoesOn) {
  GateDriver gate;
  gate.run(trace({10, 2}));
  gate.decide(11, 0.0F);
  gate.decide(4, 1.0F);
  gate.harness().push_tensor(GateDriver::kVad, 1.0F, ms(390), ms(380));
  gate.run(trace({0, 10}));

  EXPECT_THAT(gate.harness().failures(), SizeIs(3));
  EXPECT_THAT(gate.speculation().calls(SpeculationCall::confirm_segment), SizeIs(1));
}

TEST(SpeculativeVadGate, RefusesWhatItCannotUse) {
  GateDriver gate;
  gate.run(trace({4}));
  const std::vector<float> samples(320);
  gate.harness().push_audio(GateDriver::kAudio, samples, ms(128), 8'000);
  gate.harness().push_audio(GateDriver::kAudio, samples, ms(168), 8'000);
  gate.harness().push_audio(GateDriver::kAudio, samples, ms(128), 16'000, {}, 2);
  gate.harness().push_text(GateDriver::kVad, "speech");
  gate.harness().push_text(GateDriver::kAudio, "speech");
  gate.harness().push_audio(GateDriver::kAudio, samples, ms(0), 16'000);
  gate.harness().push_tensor(GateDriver::kTurn, 1.0F, ms(0), ms(100));

  // The rate and the channels are told of once together.
  EXPECT_THAT(gate.harness().failures(), SizeIs(5));
  EXPECT_THAT(gate.speculation().calls(), IsEmpty());
}

TEST(SpeculativeVadGate, TakesTheFormatFromTheFirstBlockWhenThePlanKnewNone) {
  GateDriver gate{{}, false, {}};
  gate.run(trace({10, 2, 10}));

  EXPECT_THAT(gate.speculation().calls(SpeculationCall::cancel_segment), SizeIs(1));
}

TEST(SpeculativeVadGate, TakesBlocksOfASecond) {
  GateDriver gate;
  gate.run(trace({10, 2, 12, 20, 12, 3, 14, 25, 40}), 1000);
  GateDriver fine;
  fine.run(trace({10, 2, 12, 20, 12, 3, 14, 25, 40}), 10);

  EXPECT_EQ(gate.speculation().calls(), fine.speculation().calls());
  EXPECT_EQ(gate.harness().samples(0), fine.harness().samples(0));
  EXPECT_THAT(gate.harness().violations(), IsEmpty());
  EXPECT_THAT(gate.harness().failures(), IsEmpty());
}

TEST(SpeculativeVadGate, NeverGivesMoreThanItMayInOneCall) {
  GateDriver gate{{{"min_silence_ms", 20.0}, {"min_speech_ms", 2000.0}}};
  std::vector<float> decisions;
  for (int i = 0; i < 200; ++i) decisions.push_back(i % 2 == 0 ? 0.0F : 1.0F);
  gate.run(decisions, 2000);

  EXPECT_THAT(gate.harness().violations(), IsEmpty());
  EXPECT_FALSE(gate.harness().failures().empty());
}

TEST(SpeculativeVadGate, NeitherAllocatesNorLocksInTheSweep) {
  GateDriver gate{{{"barge_in", true}}, true};
  gate.run(trace({10, 2, 12, 20, 40, 14, 9, 14, 40})).end();

  EXPECT_EQ(gate.harness().allocations(), 0U);
  EXPECT_EQ(gate.harness().locks(), 0U);
  EXPECT_FALSE(gate.harness().data(0).empty());
}

}  // namespace
}  // namespace millrace::nodes
