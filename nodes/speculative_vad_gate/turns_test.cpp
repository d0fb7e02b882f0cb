#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "nodes/speculative_vad_gate/gate_driver_for_test.hpp"

// Turns, the turn model, barge-in, and what a manifest may say of them.
namespace millrace::nodes {
namespace {

using base::MediaTime;
using ::testing::ElementsAre;
using testing::GivenParam;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::RecordedCall;
using ::testing::SizeIs;
using testing::SpeculationCall;

constexpr auto ms = GateDriver::ms;

/// The calls about turns alone.
std::vector<RecordedCall> turns(GateDriver& gate) {
  std::vector<RecordedCall> found;
  for (const RecordedCall& call : gate.speculation().calls())
    if (call.call >= SpeculationCall::open_turn && call.call <= SpeculationCall::end_of_turn)
      found.push_back(call);
  return found;
}
RecordedCall opened(std::uint32_t turn) {
  return {.call = SpeculationCall::open_turn, .turn = {turn}};
}
RecordedCall guessed(std::uint32_t turn, base::Revision revision, MediaTime at, MediaTime until) {
  return {.call = SpeculationCall::eager_end_of_turn,
          .turn = {turn},
          .revision = revision,
          .at = at,
          .audio_until = until};
}
RecordedCall resumed(std::uint32_t turn, base::Revision revision) {
  return {.call = SpeculationCall::turn_resumed, .turn = {turn}, .revision = revision};
}
RecordedCall ended(std::uint32_t turn, base::Revision revision, MediaTime at, MediaTime until) {
  return {.call = SpeculationCall::end_of_turn,
          .turn = {turn},
          .revision = revision,
          .at = at,
          .audio_until = until};
}
/// Media time at the end of the last packet before the `nth` marker of `type`.
MediaTime arrived_at(GateDriver& gate, media::ControlType type) {
  MediaTime arrived{0};
  for (const media::Packet& packet : gate.harness().out(1)) {
    if (packet.is_marker() && packet.control_type == type) break;
    if (!packet.is_marker()) arrived = packet.to;
  }
  return arrived;
}

// Speech is heard in [320, 960) ms; the silence is decided to be one at 1088 ms.
const std::vector<float> kSpeech = trace({10, 20});

struct PresetCase {
  const char* name;
  std::int64_t guessed_ms;  ///< when the last window was decided that made the guess
  std::int64_t ended_ms;
};

TEST(GateTurns, GuessesAndEndsATurnAsEachPresetSays) {
  const PresetCase cases[] = {
      {"fast", 1'088, 1'280}, {"balanced", 1'184, 1'568}, {"careful", 1'376, 1'984}};
  for (const PresetCase& preset : cases) {
    GateDriver gate{{{"turn", preset.name}}};
    // Frames of one window: each decision stands between two of them.
    gate.run(then(kSpeech, 40, 0.0F), 32);

    EXPECT_THAT(turns(gate), ElementsAre(opened(1), guessed(1, 1, ms(990), ms(1'088)),
                                         ended(1, 1, ms(990), ms(1'088))))
        << preset.name;
    EXPECT_EQ(arrived_at(gate, media::ControlType::eager_end_of_turn), ms(preset.guessed_ms));
    EXPECT_EQ(arrived_at(gate, media::ControlType::end_of_turn), ms(preset.ended_ms));
  }
}

TEST(GateTurns, TellsNoTurnsWhenTheyAreOff) {
  GateDriver gate{{{"turn", "off"}}};
  gate.run(then(kSpeech, 40, 0.0F)).end();

  EXPECT_THAT(turns(gate), IsEmpty());
}

TEST(GateTurns, EndsATurnWithANewRevisionWhenEagerIsOff) {
  GateDriver gate{{{"eager", false}}};
  gate.run(then(kSpeech, 40, 0.0F));

  EXPECT_THAT(turns(gate), ElementsAre(opened(1), ended(1, 1, ms(990), ms(1'088))));
}

TEST(GateTurns, TakesItsOwnSilencesInPlaceOfThePreset) {
  GateDriver gate{{{"eager_silence_ms", 150.0}, {"end_of_turn_ms", 250.0}}};
  gate.run(then(kSpeech, 40, 0.0F), 32);

  EXPECT_EQ(arrived_at(gate, media::ControlType::eager_end_of_turn), ms(1'120));
  EXPECT_EQ(arrived_at(gate, media::ControlType::end_of_turn), ms(1'216));
}

TEST(GateTurns, ResumesWhenConfirmedSpeechGoesOnAndGuessesAgain) {
  GateDriver gate;
  gate.run(then(then(then(kSpeech, 10, 0.0F), 12, 1.0F), 40, 0.0F));

  // Speech again in [1280, 1664) ms, confirmed with the window that ends at 1536 ms.
  EXPECT_THAT(turns(gate),
              ElementsAre(opened(1), guessed(1, 1, ms(990), ms(1'088)), resumed(1, 1),
                          guessed(1, 2, ms(1'694), ms(1'792)), ended(1, 2, ms(1'694), ms(1'792))));
  EXPECT_EQ(gate.sent().at(2).from, ms(1'130));
  EXPECT_EQ(gate.sent().at(2).turns[0], base::TurnId{1});
}

TEST(GateTurns, LetsASoundThatIsCancelledNeitherResumeNorEndTheTurn) {
  GateDriver gate;
  gate.run(then(then(then(kSpeech, 10, 0.0F), 2, 1.0F), 40, 0.0F));

  // What the sound sent was withdrawn: the turn's audio still ends at 1088 ms.
  EXPECT_THAT(turns(gate), ElementsAre(opened(1), guessed(1, 1, ms(990), ms(1'088)),
                                       ended(1, 1, ms(990), ms(1'088))));
  EXPECT_THAT(gate.speculation().calls(SpeculationCall::cancel_segment), SizeIs(1));
  EXPECT_EQ(gate.sent().at(2).turns[0], base::TurnId{1});
}

TEST(GateTurns, BeginsAnotherTurnAfterTheEndOfOne) {
  GateDriver gate;
  gate.run(then(then(then(kSpeech, 25, 0.0F), 12, 1.0F), 40, 0.0F));

  const auto calls = turns(gate);
  ASSERT_THAT(calls, SizeIs(6));
  EXPECT_EQ(calls[3], opened(2));
  EXPECT_EQ(calls[4].revision, 1U);
  EXPECT_EQ(calls[5].turn, base::TurnId{2});
  EXPECT_EQ(gate.sent().at(2).turns[0], base::TurnId{2});
}

TEST(GateTurns, PutsTheMarkersBehindTheAudioTheyAreAbout) {
  GateDriver gate{{{"turn", "fast"}}};
  gate.run(then(kSpeech, 12, 0.0F), 31);

  MediaTime sent{0};
  for (const media::Packet& packet : gate.harness().out(0)) {
    if (packet.is_marker()) {
      EXPECT_EQ(sent, packet.to);
    } else {
      sent = packet.to;
    }
  }
}

TEST(GateTurns, EndsTheTurnAtOnceWhenTheInputEnds) {
  GateDriver speaking;
  speaking.run(kSpeech).end();
  EXPECT_THAT(turns(speaking), ElementsAre(opened(1), ended(1, 1, ms(960), ms(960))));

  GateDriver silent;
  silent.run(then(kSpeech, 2, 0.0F)).end();
  EXPECT_THAT(turns(silent), ElementsAre(opened(1), ended(1, 1, ms(990), ms(1'024))));

  GateDriver guessing;
  guessing.run(then(kSpeech, 10, 0.0F)).end();
  EXPECT_THAT(turns(guessing), ElementsAre(opened(1), guessed(1, 1, ms(990), ms(1'088)),
                                           ended(1, 1, ms(990), ms(1'088))));
}

TEST(GateTurns, EndsATurnAsIfItHadNotGuessedWhileTheBudgetIsUsedUp) {
  GateDriver gate;
  gate.run(kSpeech);
  gate.speculation().set_budget_used_up(true);
  gate.run(trace({10}));
  EXPECT_EQ(turns(gate).back().revision, 0U);
  gate.run(trace({20}));

  EXPECT_EQ(turns(gate).back(), ended(1, 1, ms(990), ms(1'088)));
}

TEST(GateTurns, SpeaksOnInAnotherTurnAfterAClientInterruptedTheOpenOne) {
  GateDriver gate;
  gate.run(kSpeech);
  gate.harness().interrupt({1});
  gate.harness().clear();
  gate.run(then(trace({0, 4}), 40, 0.0F));

  EXPECT_EQ(gate.sent().at(1).turns[0], base::TurnId{2});
  EXPECT_EQ(turns(gate).back().turn, base::TurnId{2});
  EXPECT_EQ(turns(gate).back().call, SpeculationCall::end_of_turn);
}

// The turn model
// -----------------------------------------------------------------------------------

TEST(GateTurnModel, GetsTheTurnOnceForEachSilence) {
  GateDriver gate{{{"turn_model", true}}};
  gate.run(then(then(then(kSpeech, 10, 0.0F), 12, 1.0F), 40, 0.0F), 32);

  const auto packets = gate.harness().data(2);
  std::vector<MediaTime> begins;
  std::vector<MediaTime> ends;
  for (const media::Packet& packet : packets) {
    EXPECT_EQ(packet.lineage.turn, base::TurnId{1});
    if (packet.discontinuity) begins.push_back(packet.from);
    if (packet.last) ends.push_back(packet.to);
    for (std::size_t i = 0; i < packet.frames; ++i)
      ASSERT_EQ(packet.samples()[i],
                GateDriver::sample(base::frame_at(packet.from, GateDriver::kRate) +
                                   static_cast<std::int64_t>(i)));
  }
  EXPECT_THAT(begins, ElementsAre(ms(170), ms(170)));
  EXPECT_THAT(ends, ElementsAre(ms(992), ms(1'696)));
}

TEST(GateTurnModel, GetsTheLastEightSecondsOfALongTurn) {
  GateDriver gate{{{"turn_model", true}}};
  gate.run(trace({10, 400, 1}), 32);

  const auto packets = gate.harness().data(2);
  EXPECT_EQ(packets.front().from, ms(411 * 32 - 8'000));
  EXPECT_EQ(packets.back().to, ms(411 * 32));
  EXPECT_THAT(gate.harness().violations(), IsEmpty());
}

TEST(GateTurnModel, ShortensOrLengthensTheSilence) {
  for (const float complete : {0.0F, 1.0F}) {
    GateDriver gate{{{"turn_model", true}, {"turn_model_range", 2.0}}};
    gate.run(then(kSpeech, 2, 0.0F), 32);
    const media::Packet asked = gate.harness().data(2).back();
    gate.harness().push_tensor(GateDriver::kTurn, complete, ms(0), asked.to);
    gate.run(trace({60}), 32);

    // 100 and 300 ms, or 400 and 1200 ms.
    EXPECT_EQ(arrived_at(gate, media::ControlType::eager_end_of_turn),
              ms(complete > 0.5F ? 1'088 : 1'376));
    EXPECT_EQ(arrived_at(gate, media::ControlType::end_of_turn),
              ms(complete > 0.5F ? 1'280 : 2'176));
  }
}

TEST(GateTurnModel, IsNotHeardAboutASilenceThatIsOver) {
  GateDriver gate{{{"turn_model", true}}};
  gate.run(then(kSpeech, 2, 0.0F), 32);
  const media::Packet asked = gate.harness().data(2).back();
  gate.run(trace({0, 4, 2}), 32);
  gate.harness().push_tensor(GateDriver::kTurn, 1.0F, ms(0), asked.to);
  gate.run(trace({1, 0, 1}), 32);

  EXPECT_THAT(gate.speculation().calls(SpeculationCall::eager_end_of_turn), IsEmpty());
  EXPECT_THAT(gate.harness().failures(), IsEmpty());
}

TEST(GateTurnModel, GetsNothingUnlessTheManifestSaysSo) {
  GateDriver gate;
  gate.run(then(kSpeech, 10, 0.0F));

  EXPECT_THAT(gate.harness().data(2), IsEmpty());
}

// Barge-in
// -----------------------------------------------------------------------------------------

/// A gate that told one turn, whose answer is being played, with frame 1920 ms to come.
GateDriver answering(std::vector<GivenParam> params = {}) {
  params.push_back({"barge_in", true});
  GateDriver gate{std::move(params)};
  gate.run(then(kSpeech, 30, 0.0F));
  gate.speculation().set_playing(true);
  gate.speculation().clear();
  return gate;
}
std::vector<SpeculationCall> about_playback(GateDriver& gate) {
  std::vector<SpeculationCall> found;
  for (const RecordedCall& call : gate.speculation().calls())
    if (call.call >= SpeculationCall::interrupt) found.push_back(call.call);
  return found;
}

TEST(GateBargeIn, PausesAtTheFirstSoundAndInterruptsWhenItIsSpeech) {
  GateDriver gate = answering();
  gate.run(trace({0, 1}));
  EXPECT_THAT(about_playback(gate), ElementsAre(SpeculationCall::pause_playback));

  // Confirmed after 256 ms, but 300 ms interrupt.
  gate.run(trace({0, 8}));
  EXPECT_THAT(about_playback(gate), SizeIs(1));
  gate.run(trace({0, 1}));
  EXPECT_EQ(gate.speculation().calls(SpeculationCall::interrupt),
            std::vector{(
                RecordedCall{.call = SpeculationCall::interrupt, .turn = {1}, .from = ms(1'920)})});
  gate.speculation().set_playing(false);
  gate.run(then(trace({0, 4}), 10, 0.0F));
  EXPECT_THAT(about_playback(gate), SizeIs(2));
}

TEST(GateBargeIn, GoesOnPlayingAfterACough) {
  GateDriver gate = answering();
  gate.run(then(trace({0, 2}), 10, 0.0F));

  EXPECT_THAT(about_playback(gate),
              ElementsAre(SpeculationCall::pause_playback, SpeculationCall::resume_playback));
}

TEST(GateBargeIn, DoesNothingWhileNothingPlaysOrWhenItIsOff) {
  GateDriver silent = answering();
  silent.speculation().set_playing(false);
  silent.run(trace({0, 20}));
  EXPECT_THAT(about_playback(silent), IsEmpty());

  GateDriver off;
  off.speculation().set_playing(true);
  off.run(kSpeech);
  EXPECT_THAT(about_playback(off), IsEmpty());
}

TEST(GateBargeIn, InterruptsAGreetingThatAnswersNoTurn) {
  GateDriver gate{{{"barge_in", true}}};
  gate.speculation().set_playing(true);
  gate.run(trace({10, 10}));

  EXPECT_EQ(about_playback(gate).front(), SpeculationCall::pause_playback);
  EXPECT_THAT(gate.speculation().calls(SpeculationCall::resume_playback), IsEmpty());
  ASSERT_THAT(gate.speculation().calls(SpeculationCall::interrupt), SizeIs(1));
  EXPECT_FALSE(gate.speculation().calls(SpeculationCall::interrupt)[0].turn)
      << "no turn has ended that it could be the answer to";
}

TEST(GateBargeIn, LetsThePlaybackGoOnWhenTheVadFallsSilent) {
  GateDriver gate = answering();
  gate.run(trace({0, 2}));
  ASSERT_THAT(about_playback(gate), ElementsAre(SpeculationCall::pause_playback));

  gate.harness().advance(std::chrono::milliseconds(499));
  EXPECT_THAT(about_playback(gate), SizeIs(1));
  gate.harness().advance(std::chrono::milliseconds(1));

  EXPECT_THAT(about_playback(gate),
              ElementsAre(SpeculationCall::pause_playback, SpeculationCall::resume_playback));
}

TEST(GateBargeIn, HoldsThePlaybackAsLongAsDecisionsCome) {
  GateDriver gate = answering({{"interrupt_min_ms", 5000}});
  for (int windows = 0; windows < 40; ++windows) {
    gate.run(trace({0, 1}));
    gate.harness().advance(std::chrono::milliseconds(32));
  }

  EXPECT_THAT(about_playback(gate), ElementsAre(SpeculationCall::pause_playback));
}

TEST(GateBargeIn, ResumesNothingThatWasFlushedByAnother) {
  GateDriver gate = answering();
  gate.run(trace({0, 2}));
  gate.speculation().set_playing(false);

  gate.harness().advance(std::chrono::seconds(1));

  EXPECT_THAT(about_playback(gate), ElementsAre(SpeculationCall::pause_playback));
}

TEST(GateBargeIn, LetsThePlaybackGoOnAtTheEndOfTheInput) {
  GateDriver gate = answering();
  gate.run(trace({0, 2})).end();

  EXPECT_THAT(about_playback(gate),
              ElementsAre(SpeculationCall::pause_playback, SpeculationCall::resume_playback));
}

// What a manifest may say
// --------------------------------------------------------------------------

std::string refused(std::vector<GivenParam> params) {
  const auto made = testing::NodeHarness::create(speculative_vad_gate_type(),
                                                 {.params = std::move(params), .id = "gate"});
  if (made.has_value()) return "";
  EXPECT_EQ(made.error().code, base::Code::bad_manifest);
  EXPECT_EQ(made.error().where, "gate");
  return made.error().message;
}

TEST(GateParams, ThatContradictEachOtherAreRefused) {
  EXPECT_THAT(refused({{"negative_threshold", 0.6}}), HasSubstr("'negative_threshold'"));
  EXPECT_THAT(refused({{"eager_silence_ms", 700.0}}), HasSubstr("'eager_silence_ms'"));
  EXPECT_THAT(refused({{"eager", false}, {"eager_silence_ms", 100.0}}), HasSubstr("'eager: true'"));
  EXPECT_THAT(refused({{"eager", false}, {"end_of_turn_ms", 50.0}}), HasSubstr("min_silence_ms"));
  EXPECT_THAT(refused({{"turn", "off"}, {"barge_in", true}}), HasSubstr("'turn' is off"));
  EXPECT_THAT(refused({{"turn", "off"}, {"turn_model", true}}), HasSubstr("'turn' is off"));
  EXPECT_EQ(refused({{"turn", "off"}}), "");
}

TEST(GateParams, PutTheNegativeThresholdBelowTheThresholdUnlessItIsGiven) {
  // 0.5 is speech that goes on at a threshold of 0.6, and not at one of 0.7.
  for (const double threshold : {0.6, 0.7}) {
    GateDriver gate{{{"threshold", threshold}}};
    gate.run(then(then(trace({10}), 1, 0.9F), 12, 0.5F));
    EXPECT_THAT(gate.speculation().calls(SpeculationCall::confirm_segment),
                SizeIs(threshold < 0.65 ? 1 : 0));
  }
  GateDriver given{{{"threshold", 0.7}, {"negative_threshold", 0.5}}};
  given.run(then(then(trace({10}), 1, 0.9F), 12, 0.5F));
  EXPECT_THAT(given.speculation().calls(SpeculationCall::confirm_segment), SizeIs(1));
}

TEST(GateParams, NeverPutTheNegativeThresholdToNothing) {
  GateDriver gate{{{"threshold", 0.1}}};
  gate.run(trace({10, 12, 12}));

  EXPECT_THAT(gate.speculation().calls(SpeculationCall::speech_ended), SizeIs(1));
}

}  // namespace
}  // namespace millrace::nodes
