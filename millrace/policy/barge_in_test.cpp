#include "millrace/policy/barge_in.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace millrace::policy {
namespace {

using std::chrono::milliseconds;

constexpr base::MediaTime kMin = milliseconds{400};

Voice voice(VoiceState state, int began_ms = 1000, int last_heard_ms = 1000) {
  return {
      .state = state, .began = milliseconds{began_ms}, .last_heard = milliseconds{last_heard_ms}};
}

TEST(BargeIn, DoesNothingWhileNothingPlays) {
  BargeIn barge(kMin);

  EXPECT_EQ(barge.step(voice(VoiceState::unconfirmed), false), BargeInAction::none);
  EXPECT_EQ(barge.step(voice(VoiceState::speaking, 0, 5000), false), BargeInAction::none);

  EXPECT_FALSE(barge.holding());
}

TEST(BargeIn, PausesAtTheFirstSignOnce) {
  BargeIn barge(kMin);
  EXPECT_EQ(barge.step(voice(VoiceState::none), true), BargeInAction::none);

  EXPECT_EQ(barge.step(voice(VoiceState::unconfirmed), true), BargeInAction::pause);
  EXPECT_EQ(barge.step(voice(VoiceState::unconfirmed), true), BargeInAction::none);

  EXPECT_TRUE(barge.holding());
}

TEST(BargeIn, ACoughLetsThePlaybackGoOn) {
  BargeIn barge(kMin);
  (void)barge.step(voice(VoiceState::unconfirmed), true);

  EXPECT_EQ(barge.step(voice(VoiceState::none), true), BargeInAction::resume);
  EXPECT_EQ(barge.step(voice(VoiceState::none), true), BargeInAction::none);

  EXPECT_EQ(barge.counters().resumes, 1U);
  EXPECT_EQ(barge.counters().interrupts, 0U);
}

TEST(BargeIn, InterruptsOnceConfirmedSpeechHasLastedLongEnough) {
  BargeIn barge(kMin);
  (void)barge.step(voice(VoiceState::unconfirmed, 1000, 1250), true);

  EXPECT_EQ(barge.step(voice(VoiceState::speaking, 1000, 1399), true), BargeInAction::none);
  EXPECT_EQ(barge.step(voice(VoiceState::speaking, 1000, 1400), true), BargeInAction::interrupt);

  EXPECT_FALSE(barge.holding());
  EXPECT_EQ(barge.step(voice(VoiceState::speaking, 1000, 1500), false), BargeInAction::none);
}

TEST(BargeIn, UnconfirmedSoundNeverInterruptsHoweverLong) {
  BargeIn barge(kMin);

  EXPECT_EQ(barge.step(voice(VoiceState::unconfirmed, 1000, 9000), true), BargeInAction::pause);
  EXPECT_EQ(barge.step(voice(VoiceState::unconfirmed, 1000, 9500), true), BargeInAction::none);
}

TEST(BargeIn, ConfirmedSpeechThatEndsTooSoonIsAFalseInterruption) {
  BargeIn barge(kMin);
  (void)barge.step(voice(VoiceState::unconfirmed), true);
  (void)barge.step(voice(VoiceState::speaking, 1000, 1300), true);

  EXPECT_EQ(barge.step(voice(VoiceState::pausing, 1000, 1300), true), BargeInAction::none);
  EXPECT_EQ(barge.step(voice(VoiceState::none, 1000, 1300), true), BargeInAction::resume);
}

TEST(BargeIn, APlaybackThatStartsIntoSpeechIsPausedAndThenInterrupted) {
  BargeIn barge(kMin);
  (void)barge.step(voice(VoiceState::speaking, 1000, 1200), false);

  EXPECT_EQ(barge.step(voice(VoiceState::speaking, 1000, 1300), true), BargeInAction::pause);
  EXPECT_EQ(barge.step(voice(VoiceState::speaking, 1000, 1400), true), BargeInAction::interrupt);
}

TEST(BargeIn, APlaybackThatStartsIntoLongSpeechIsInterruptedAtOnce) {
  BargeIn barge(kMin);

  EXPECT_EQ(barge.step(voice(VoiceState::speaking, 1000, 2000), true), BargeInAction::interrupt);

  EXPECT_EQ(barge.counters().pauses, 0U);
}

TEST(BargeIn, APlaybackFlushedByAnotherIsNotResumed) {
  BargeIn barge(kMin);
  (void)barge.step(voice(VoiceState::unconfirmed), true);

  EXPECT_EQ(barge.step(voice(VoiceState::unconfirmed), false), BargeInAction::none);
  EXPECT_EQ(barge.step(voice(VoiceState::none), true), BargeInAction::none);
}

TEST(BargeIn, LetsGoOfWhatItHoldsOnceAndMayHoldItAgain) {
  BargeIn barge(kMin);
  EXPECT_EQ(barge.let_go(), BargeInAction::none);
  (void)barge.step(voice(VoiceState::unconfirmed), true);

  EXPECT_EQ(barge.let_go(), BargeInAction::resume);
  EXPECT_EQ(barge.let_go(), BargeInAction::none);
  EXPECT_EQ(barge.step(voice(VoiceState::unconfirmed), true), BargeInAction::pause);

  EXPECT_EQ(barge.counters().resumes, 1U);
}

// Behind the real gate: the same sounds as a caller makes them, in windows of 10 ms.
TEST(BargeIn, FollowsTheVoiceOfARealGate) {
  OnsetGate gate({}, OnsetMode::speculative, 16'000, milliseconds{10});
  BargeIn barge(kMin);
  base::MediaTime now{0};
  std::string log;
  const auto run = [&](int total_ms, float p) {
    for (int ms = 0; ms < total_ms; ms += 10) {
      (void)gate.window(now, now + milliseconds{10}, p);
      now += milliseconds{10};
      (void)gate.audio(now);
      const std::string at = std::to_string(now.count() / 1000) + " ";
      switch (barge.step(gate.voice(), true)) {
        case BargeInAction::none: break;
        case BargeInAction::pause: log += "pause@" + at; break;
        case BargeInAction::interrupt: log += "interrupt@" + at; return;
        case BargeInAction::resume: log += "resume@" + at; break;
      }
    }
  };

  run(500, 0.0F);
  run(120, 0.9F);  // a cough
  run(500, 0.0F);
  run(300, 0.9F);  // "yes"
  run(500, 0.0F);
  run(1000, 0.9F);

  EXPECT_EQ(log, "pause@510 resume@720 pause@1130 resume@1520 pause@1930 interrupt@2320 ");
}

}  // namespace
}  // namespace millrace::policy
